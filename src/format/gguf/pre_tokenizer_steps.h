#pragma once
// What llama.cpp's names of pre-tokenizers mean, as steps of tokenizer.json.
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace mpq {

/// A "Split" before "ByteLevel"; the digits are the only difference.
inline constexpr std::string_view kLlama3Words =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+)"
    R"([\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view kQwen2Words =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";

struct PreTokenizerSteps {
  nlohmann::json json;         // "pre_tokenizer" of tokenizer.json
  bool ignore_merges = false;  // a word that is a token is not cut
  bool adds_bos = false;       // where the file does not say
};

/// nullopt when the name is not one whose steps are stated here.
std::optional<PreTokenizerSteps> pre_tokenizer_steps(std::string_view name);

}  // namespace mpq
