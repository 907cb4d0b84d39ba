#pragma once
// The tokenizer's part of a GGUF file's metadata.
#include <string>

#include "family.h"
#include "mpq/core/json_file.h"
#include "mpq/io/gguf.h"
#include "mpq/model/config.h"

namespace mpq {

/// From the tokenizer's files in `folder`; `config` is its config.json.
GgufMetadata gguf_tokenizer(const std::string& folder, const GgufFamily& family,
                            const ModelConfig& model, const Json& config);

}  // namespace mpq
