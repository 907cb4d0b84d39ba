#pragma once
// Checkpoints that are published in FP8 or NVFP4 and in no other form (DeepSeek-V3, Qwen3's FP8
// siblings, NVIDIA ModelOpt's).
#include <memory>
#include <string>

#include "mpq/core/json_file.h"
#include "mpq/io/weight_source.h"

namespace mpq {

/// Weights of small floats as bfloat16, multiplied by their scales: 8 bits with `weight_scale_inv`
/// by blocks of rows and columns or `weight_scale` of a tensor or its rows, two of 4 bits a byte
/// with `weight_scale` by 16 columns, times `weight_scale_2`. The scales of activations and caches
/// are left out, other tensors are as they are. Throws Error(Format) where a weight lacks its scale
/// or the scale has another shape.
std::unique_ptr<WeightSource> open_small_floats(const std::string& folder,
                                                const Json& quantization);

}  // namespace mpq
