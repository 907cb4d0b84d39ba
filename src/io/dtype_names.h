#pragma once
// safetensors' names of element types.
#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

namespace mpq {

std::optional<at::ScalarType> dtype_from_name(const std::string& name);
/// All names, for messages.
std::string dtype_names();
/// Throws Error(Internal) on a dtype that safetensors has no name for.
std::string dtype_name(at::ScalarType dtype);

}  // namespace mpq
