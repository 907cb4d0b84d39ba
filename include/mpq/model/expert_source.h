#pragma once
// Checkpoints that store a mixture's experts in 3-dimensional tensors, read expert by expert.
#include <memory>

#include "mpq/io/weight_source.h"
#include "mpq/model/config.h"

namespace mpq {

/// The source with every expert's matrices and biases under names of their own, as the
/// configuration has them; itself where they are stored so. MXFP4 blocks with their scales become
/// bfloat16, which holds them exactly.
std::unique_ptr<WeightSource> split_experts(std::unique_ptr<WeightSource> source,
                                            const ModelConfig& config);

}  // namespace mpq
