#pragma once
// The tokenizer's files of a model that is there as a GGUF file alone.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "mpq/core/json_file.h"
#include "mpq/io/gguf.h"

namespace mpq {

struct FolderTokenizer {
  nlohmann::json json;  // tokenizer.json
  Json config;          // tokenizer_config.json
  Json generation;      // generation_config.json
  Json ids;             // "bos_token_id", "eos_token_id" and "pad_token_id" of config.json
  std::string pre;      // llama.cpp's name of the pre-tokenizer; empty for SentencePiece
};

/// Throws Error(Unsupported) naming the tokenizer or the pre-tokenizer that mpq cannot state,
/// Error(Format) on a damaged value.
FolderTokenizer folder_tokenizer(const GgufFile& file);

}  // namespace mpq
