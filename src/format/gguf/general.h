#pragma once
// The "general." part of a GGUF file's metadata that describes the model to people.
#include <string>
#include <vector>

#include "mpq/core/json_file.h"
#include "mpq/format/gguf_model.h"
#include "mpq/io/gguf.h"

namespace mpq {

/// Type, sampling settings of generation_config.json, and what the names say: "_name_or_path" of
/// config.json, then the folder's; else the size is that of the tensors, "8x7.0B" of a mixture.
GgufMetadata gguf_general(const std::string& folder, const Json& config,
                          const std::vector<GgufTensor>& tensors);

}  // namespace mpq
