#pragma once
// A Hugging Face checkpoint as llama.cpp sees it: the metadata and the tensors of its GGUF file,
// equal to those of llama.cpp's own converter (tests/golden/gguf).
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mpq/io/gguf.h"
#include "mpq/io/weight_source.h"
#include "mpq/model/config.h"

namespace mpq {

/// One tensor of the file, and how it is made from one of the checkpoint.
struct GgufTensor {
  enum class Kind { Embedding, Head, Linear, Norm, Bias, RopeFactors };

  std::string name;            // in the file: "blk.0.attn_q.weight"
  std::string source;          // in the checkpoint; empty: `values` are the tensor
  std::vector<int64_t> shape;  // [out, in]; the same in both
  Kind kind = Kind::Linear;
  int64_t block = -1;        // of linears, biases and norms within a block
  std::optional<Role> role;  // of linears and their biases
  /// Rows are stored in gguf_row_order(shape[0], permuted_heads); 0: as they are.
  int64_t permuted_heads = 0;
  double added = 0;  // put to every value: gemma's norms multiply by 1 + weight
  std::vector<float> values;

  /// Norms, biases and factors are always stored as F32.
  bool is_float32() const { return shape.size() == 1; }
  /// With the contiguous dimension first.
  std::vector<int64_t> dims() const { return {shape.rbegin(), shape.rend()}; }
};

struct GgufModel {
  GgufMetadata metadata;
  std::vector<GgufTensor> tensors;
  /// What the model computes and llama.cpp does not, one sentence each; empty: nothing.
  std::vector<std::string> deviations;
};

/// `folder` has config.json and the tokenizer; `weights` tells which tensors there are, and their
/// shapes. `file_type` is llama.cpp's number for the types used most ("general.file_type"): 0 F32,
/// 1 F16, 32 BF16, 15 Q4_K_M, ... Throws Error(Unsupported) on a family or tokenizer that cannot be
/// written, Error(Format) on a checkpoint that is malformed.
///
/// To add a family: its names in src/format/gguf/tensors.cpp, its keys in hyperparameters.cpp, and
/// a case in tools/golden/make_gguf_goldens.py.
GgufModel make_gguf_model(const std::string& folder, const WeightSource& weights,
                          uint32_t file_type);

/// Its tensors that come from the checkpoint, in order of execution, with the names of llama.cpp.
/// Checks the shapes in `weights`. Throws Error(Format).
std::vector<GgufTensor> gguf_tensors(const ModelConfig& model, const WeightSource& weights);

/// Row i of the file's tensor is row result[i] of the checkpoint's. llama.cpp rotates neighbouring
/// rows of a head, transformers those half a head apart: reshape(heads, 2, rows / heads / 2) with
/// its last two axes swapped. Throws Error(Internal) unless 2 heads divide the rows.
std::vector<int64_t> gguf_row_order(int64_t rows, int64_t heads);

/// The same of a tensor, int64 [rows]; undefined where its rows stay in order.
at::Tensor row_index(const GgufTensor& tensor);

}  // namespace mpq
