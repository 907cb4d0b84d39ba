#pragma once
// The "general." part of a GGUF file's metadata that describes the model to people.
#include <cstdint>
#include <string>

#include "mpq/core/json_file.h"
#include "mpq/io/gguf.h"

namespace mpq {

/// Type, sampling settings of generation_config.json, and what the names say: "_name_or_path" of
/// config.json, then the folder's. `parameters` of all tensors.
GgufMetadata gguf_general(const std::string& folder, const Json& config, int64_t parameters);

}  // namespace mpq
