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
  enum class Kind { Embedding, Head, Linear, Norm, Bias, Router, RopeFactors };

  std::string name;  // in the file: "blk.0.attn_q.weight"
  /// In the checkpoint, of experts the first one's; empty: `values` are the tensor.
  std::string source;
  std::vector<std::string> experts;  // all of them, one behind the other in the file
  std::vector<int64_t> shape;  // [out, in] as in the checkpoint, of experts [experts, out, in]
  Kind kind = Kind::Linear;
  int64_t block = -1;        // of linears, biases and norms within a block
  std::optional<Role> role;  // of linears and their biases
  /// Rows are stored in gguf_row_order(shape[0], permuted_heads); 0: as they are.
  int64_t permuted_heads = 0;
  double added = 0;  // put to every value: gemma's norms multiply by 1 + weight
  std::vector<float> values;

  /// Norms, biases, factors and routers are always stored as F32.
  bool is_float32() const { return shape.size() == 1 || kind == Kind::Router; }
  /// Names in the checkpoint: none, one, or every expert's.
  std::vector<std::string> sources() const;
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
/// To add a family: a file in src/format/gguf/family_*.cpp, its line in families.h and
/// families.cpp, and a case in tools/golden/make_gguf_goldens.py.
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
/// What the file has for `value`, which is that of one of the tensor's sources: rows in the file's
/// order; float32 where something is added, else the dtype of `value`.
at::Tensor gguf_value(const GgufTensor& tensor, at::Tensor value);

}  // namespace mpq
