// By the hash of a check text's ids, else by the structure of tokenizer.json.
#include "pre_tokenizer.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "mpq/core/error.h"
#include "mpq/core/hash.h"
#include "pre_tokenizer_steps.h"

namespace mpq {
namespace {

/// A "Split" before "ByteLevel"; the digits are the only difference between the first two.
struct KnownPattern {
  std::string_view regex;
  std::string_view name;
};
constexpr KnownPattern kPatterns[] = {{kLlama3Words, "llama-bpe"}, {kQwen2Words, "qwen2"}};

std::string text_member(const nlohmann::json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() && found->is_string()
             ? found->get<std::string>()
             : "";
}

bool flag(const nlohmann::json& object, const char* key, bool fallback) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() ? found->get<bool>() : fallback;
}

/// Byte-level without a space put first; `splits`: and with GPT-2's own pattern.
bool is_byte_level(const nlohmann::json& step, bool splits) {
  return text_member(step, "type") == "ByteLevel" && !flag(step, "add_prefix_space", true) &&
         flag(step, "use_regex", true) == splits;
}

std::string_view name_of_steps(const std::vector<nlohmann::json>& steps) {
  if (steps.size() == 1 && is_byte_level(steps[0], true)) return "gpt-2";
  if (steps.size() != 2) return "";
  if (text_member(steps[0], "type") == "Digits" && flag(steps[0], "individual_digits", false) &&
      is_byte_level(steps[1], true)) {
    return "smollm";
  }
  if (text_member(steps[0], "type") != "Split" || text_member(steps[0], "behavior") != "Isolated" ||
      flag(steps[0], "invert", false) || !steps[0].contains("pattern") ||
      !is_byte_level(steps[1], false)) {
    return "";
  }
  const std::string regex = text_member(steps[0]["pattern"], "Regex");
  for (const KnownPattern& known : kPatterns) {
    if (known.regex == regex) return known.name;
  }
  return "";
}

}  // namespace

std::string pre_tokenizer_hash(const Tokenizer& tokenizer) {
  const auto ids = tokenizer.encode(pre_tokenizer_check_text());
  return sha256_of(fmt::format("[{}]", fmt::join(ids, ", ")));
}

std::string gguf_pre_tokenizer(const Tokenizer& tokenizer, const nlohmann::json& pre_tokenizer,
                               const std::string& where) {
  const std::string hash = pre_tokenizer_hash(tokenizer);
  for (const KnownPreTokenizer& known : known_pre_tokenizers()) {
    if (known.hash == hash) return std::string(known.name);
  }
  std::vector<nlohmann::json> steps = {pre_tokenizer};
  if (text_member(pre_tokenizer, "type") == "Sequence") {
    const auto list = pre_tokenizer.find("pretokenizers");
    steps.clear();
    if (list != pre_tokenizer.end() && list->is_array()) steps.assign(list->begin(), list->end());
  }
  const std::string_view name = name_of_steps(steps);
  require(!name.empty(), ErrorCode::Unsupported,
          "{}: llama.cpp has no name for this pre-tokenizer (hash {}); its texts would be cut "
          "otherwise, so no GGUF file is made",
          where, hash);
  return std::string(name);
}

}  // namespace mpq
