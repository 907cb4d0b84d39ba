#pragma once
// The part of a GGUF file's metadata that says how the model computes.
#include <cstdint>
#include <string>
#include <vector>

#include "mpq/core/json_file.h"
#include "mpq/io/gguf.h"
#include "mpq/model/config.h"

namespace mpq {

constexpr int64_t kLayersOfGemma27B = 46;  // llama.cpp knows the largest Gemma 2 by these

/// llama.cpp's name for a family: Mistral is "llama" too. Throws Error(Unsupported).
std::string gguf_architecture(const ModelConfig& model);
/// The keys "ARCHITECTURE.*" and "general.file_type"; `config` is config.json, named by `where`.
/// Throws Error(Format) on what the format cannot hold.
GgufMetadata gguf_hyperparameters(const ModelConfig& model, const Json& config, uint32_t file_type,
                                  const std::string& where);
/// What llama.cpp would compute otherwise, one sentence each.
std::vector<std::string> gguf_deviations(const ModelConfig& model);

}  // namespace mpq
