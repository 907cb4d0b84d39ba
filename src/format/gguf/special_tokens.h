#pragma once
// The ids of special tokens, whether they are put around a text, and the chat templates.
#include <optional>
#include <vector>

#include "mpq/core/json_file.h"
#include "mpq/io/gguf.h"
#include "tokenizer_file.h"

namespace mpq {

struct SpecialToken {
  const char* kind;  // "bos", "eos", "eot", ...
  const char* content;
};

/// From tokenizer.json, tokenizer_config.json, the chat template's files and `config`, config.json,
/// in the converter's order. `size`: ids past it are left out; `otherwise`: added tokens that are
/// of a kind where these files name none. Throws Error(Format).
GgufMetadata special_tokens(const TokenizerFiles& files, const Json& config,
                            std::optional<int64_t> size,
                            const std::vector<SpecialToken>& otherwise);

/// "tokenizer.chat_template" and those of other names.
GgufMetadata chat_templates(const TokenizerFiles& files);

/// Replaces a value, or appends it.
void set_gguf_value(GgufMetadata& metadata, const std::string& key, GgufValue value);

}  // namespace mpq
