#pragma once
// The work folder's own form of a quantized block: resumable, format-neutral, read back by
// verification and by formats.
#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <string>

#include "mpq/io/weight_source.h"
#include "mpq/quant/quantized_linear.h"

namespace mpq {

/// What quantization changed in one block: linears by full module name, and whole tensors (norms,
/// biases, weights a transform touched) by full tensor name.
struct BlockPart {
  std::map<std::string, QuantizedLinear> linears;
  std::map<std::string, at::Tensor> tensors;
};

/// One safetensors file, codes bit-packed; written whole or not at all.
void save_part(const std::string& path, const BlockPart& part);
/// Throws Error(Format) when it is not such a file.
BlockPart load_part(const std::string& path);
/// The input scales of its linears by full module name, without reading any codes.
std::map<std::string, at::Tensor> load_input_scales(const std::string& path);
/// FOLDER/block-00003.safetensors
std::string part_path(const std::string& folder, int64_t block);

/// FOLDER/ends.safetensors: the embedding and the head, where they are quantized.
std::string ends_path(const std::string& folder);

/// A source that reads what parts hold (dequantized float32) and everything else from `base`, which
/// must outlive it. `dequantize_linears` false leaves the linears to `base` (a format packs them
/// itself) but replaces tensors.
std::unique_ptr<WeightSource> open_parts(const WeightSource& base, const std::string& folder,
                                         int64_t blocks, bool dequantize_linears = true);

}  // namespace mpq
