#pragma once
// llama.cpp's name for how a byte-level tokenizer cuts a text into words.
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "mpq/text/tokenizer.h"

namespace mpq {

struct KnownPreTokenizer {
  std::string_view hash;  // as pre_tokenizer_hash() makes it
  std::string_view name;
};
std::span<const KnownPreTokenizer> known_pre_tokenizers();
/// The text that the hashes are of.
std::string_view pre_tokenizer_check_text();
/// SHA-256 of the check text's ids, written "[1, 2, 3]".
std::string pre_tokenizer_hash(const Tokenizer& tokenizer);

/// The name by the hash, as llama.cpp's converter finds it; else, for a vocabulary that it does not
/// know, by what the "pre_tokenizer" of tokenizer.json does. Throws Error(Unsupported) naming
/// `where`, when llama.cpp would cut texts otherwise.
std::string gguf_pre_tokenizer(const Tokenizer& tokenizer, const nlohmann::json& pre_tokenizer,
                               const std::string& where);

}  // namespace mpq
