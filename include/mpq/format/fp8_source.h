#pragma once
// Checkpoints that are published in FP8 and in no other form (DeepSeek-V3, Qwen3's FP8 siblings).
#include <memory>
#include <string>

#include "mpq/core/json_file.h"
#include "mpq/io/weight_source.h"

namespace mpq {

/// Weights of 8-bit floats as bfloat16, multiplied by their scales: `weight_scale_inv` by blocks of
/// rows and columns, or `weight_scale` of a tensor or its rows. Other tensors as they are. Throws
/// Error(Format) where a weight lacks its scale or the scale has another shape.
std::unique_ptr<WeightSource> open_fp8(const std::string& folder, const Json& quantization);

}  // namespace mpq
