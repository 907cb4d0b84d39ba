#pragma once
// The part of a GGUF file's metadata that says how the model computes.
#include <cstdint>
#include <string>
#include <vector>

#include "family.h"
#include "mpq/core/json_file.h"
#include "mpq/io/gguf.h"
#include "mpq/model/config.h"

namespace mpq {

/// The keys "ARCHITECTURE.*" and "general.file_type"; `config` is config.json, named by `where`.
/// Throws Error(Format) on what the format cannot hold.
GgufMetadata gguf_hyperparameters(const GgufFamily& family, const ModelConfig& model,
                                  const Json& config, uint32_t file_type, const std::string& where);
/// What llama.cpp would compute otherwise, one sentence each.
std::vector<std::string> gguf_deviations(const GgufFamily& family, const ModelConfig& model);

}  // namespace mpq
