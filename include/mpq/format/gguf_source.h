#pragma once
// A GGUF file as a source of weights.
#include <memory>
#include <string>

#include "mpq/io/weight_source.h"

namespace mpq {

/// The weights of the file under the names that `folder`'s config.json gives them, dequantized to
/// float32 by load(), rows in the checkpoint's order. Throws Error(Format) when the file's tensors
/// are not those of the configuration.
std::unique_ptr<WeightSource> open_gguf(const std::string& folder, const std::string& file);

}  // namespace mpq
