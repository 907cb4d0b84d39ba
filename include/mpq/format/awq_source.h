#pragma once
// Checkpoints that AutoAWQ and others wrote: mpq reads them as sources and does not write them.
#include <memory>
#include <string>

#include "mpq/core/json_file.h"
#include "mpq/io/weight_source.h"

namespace mpq {

/// P.qweight int32 [in, out / 8], P.qzeros int32 [groups, out / 8], P.scales [groups, out]:
/// (code - zero) * scale as float32 under P.weight. Other tensors as they are. Throws
/// Error(Unsupported) on another version than "gemm" or other than 4 bits, Error(Format) where
/// shapes do not fit each other.
std::unique_ptr<WeightSource> open_awq(const std::string& folder, const Json& quantization);

}  // namespace mpq
