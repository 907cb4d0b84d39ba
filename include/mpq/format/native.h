#pragma once
// The native checkpoint format, which holds every encoding (docs/format.md).
#include <memory>
#include <string>

#include "mpq/core/json_file.h"
#include "mpq/io/weight_source.h"

namespace mpq {

constexpr const char* kNativeSchema = "mpq-checkpoint/3";

/// Weights of a native folder whose quantization_config is `config`, dequantized to float32 by
/// load(). Throws Error(Format) when a linear's tensors disagree with its encoding.
std::unique_ptr<WeightSource> open_native(const std::string& folder, const Json& config);

}  // namespace mpq
