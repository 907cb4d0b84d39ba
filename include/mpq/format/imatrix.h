#pragma once
// The importance matrix of llama.cpp: a GGUF file of sums of squares that llama-quantize weighs
// rounding errors by, as llama-imatrix writes it (tools/imatrix/imatrix.cpp, save_imatrix).
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace mpq {

/// What a tensor of the model is multiplied with.
struct ImatrixEntry {
  std::string name;         // of the model's tensor, "blk.0.attn_q.weight"
  at::Tensor mean_squares;  // [in]: E[x^2]
};

struct Imatrix {
  std::vector<ImatrixEntry> entries;
  int64_t tokens = 0;                 // that all entries are means of
  int64_t sequences = 0;              // that they came in: llama.cpp's chunks, at least 1
  std::vector<std::string> datasets;  // by name; llama-quantize notes the first in its output
};

/// Writes NAME.in_sum2, float32 [in], and NAME.counts, float32 [1], of every entry, by name: what
/// llama-quantize divides is the mean again. Throws as GgufWriter does, Error(Numeric) when a mean
/// is negative, or not finite as float32.
void write_imatrix(const std::string& path, const Imatrix& imatrix);

}  // namespace mpq
