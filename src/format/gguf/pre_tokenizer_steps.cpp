// The names that llama.cpp treats alike (llama-vocab.cpp) share their steps.
#include "pre_tokenizer_steps.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

namespace mpq {
namespace {

using nlohmann::json;

constexpr std::string_view kTekkenWords =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|)"
    R"(\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt4oWords =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr std::string_view kSeedWords =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|)"
    R"(\s*[\r\n]+|\s+(?!\S)|\s+)";

json byte_level(bool splits) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", true},
          {"use_regex", splits}};
}

json sequence(std::vector<json> steps) {
  return {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}};
}

json split(std::string_view regex) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", std::string(regex)}}},
          {"behavior", "Isolated"},
          {"invert", false}};
}

json words(std::string_view regex) { return sequence({split(regex), byte_level(false)}); }

json byte_level_words() {
  return split(R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))");
}

json digits_and_words() {
  return sequence({{{"type", "Digits"}, {"individual_digits", true}}, byte_level(true)});
}

json deepseek_coder() {
  return sequence({split("[\r\n]"),
                   split(R"(\s?\p{L}+)"),
                   split(R"(\s?\p{P}+)"),
                   split("[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"),
                   {{"type", "Digits"}, {"individual_digits", true}},
                   byte_level(false)});
}

/// Of files whose tokenizer llama.cpp's converter did not know.
json by_default() {
  return sequence({split(R"([\p{P}\$\+<=>\^~\|]+)"), byte_level_words(), split(R"(\p{N}+)"),
                   split("[0-9][0-9][0-9]"), byte_level(false)});
}

}  // namespace

std::optional<PreTokenizerSteps> pre_tokenizer_steps(std::string_view name) {
  const auto is = [&](std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (is({"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0",
          "lfm2"}))
    return PreTokenizerSteps{words(kLlama3Words), true, true};
  if (is({"glm4"})) return PreTokenizerSteps{words(kLlama3Words), true};
  if (is({"seed-coder"})) return PreTokenizerSteps{words(kSeedWords)};
  if (is({"smaug-bpe", "dbrx", "chatglm-bpe"})) return PreTokenizerSteps{words(kLlama3Words)};
  if (is({"qwen2", "deepseek-r1-qwen", "kormo", "megrez", "stablelm2"}))
    return PreTokenizerSteps{words(kQwen2Words)};
  if (is({"gpt-2", "phi-2", "mellum", "olmo", "a.x-4.0", "trillion", "granite-docling", "exaone4"}))
    return PreTokenizerSteps{byte_level(true)};
  if (is({"smollm", "starcoder", "refact", "codeshell", "exaone", "minerva-7b", "command-r"}))
    return PreTokenizerSteps{digits_and_words()};
  if (is({"tekken"})) return PreTokenizerSteps{words(kTekkenWords), true, true};
  if (is({"gpt-4o", "llama4", "kanana2"})) return PreTokenizerSteps{words(kGpt4oWords)};
  if (is({"default"})) return PreTokenizerSteps{by_default()};
  if (is({"deepseek-coder"})) return PreTokenizerSteps{deepseek_coder()};
  return std::nullopt;
}

}  // namespace mpq
