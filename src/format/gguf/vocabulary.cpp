// What the kinds of vocabularies share.
#include "vocabulary.h"

#include "mpq/core/error.h"

namespace mpq {
namespace {

constexpr float kPaddingScore = -10000;

bool is_between(const std::string& token, std::string_view begin, std::string_view end) {
  return token.starts_with(begin) && token.ends_with(end);
}

}  // namespace

GgufVocabulary::GgufVocabulary(std::string kind, int64_t size) : model(std::move(kind)) {
  const auto count = static_cast<size_t>(size);
  tokens.reserve(count);
  for (size_t i = 0; i < count; ++i) tokens.push_back(fmt::format("[PAD{}]", i));
  types.assign(count, static_cast<int32_t>(GgufTokenType::Unused));
  if (model == "llama") scores.assign(count, kPaddingScore);
}

void GgufVocabulary::set(int64_t id, std::string token, float score, GgufTokenType type,
                         const std::string& where) {
  require(id >= 0 && id < size(), ErrorCode::Format,
          "{}: expected ids below the model's vocabulary of {}, found {}", where, size(), id);
  const auto index = static_cast<size_t>(id);
  tokens[index] = std::move(token);
  types[index] = static_cast<int32_t>(type);
  if (!scores.empty()) scores[index] = score;
}

bool looks_special(const std::string& token) {
  return token == "<pad>" || token == "<mask>" || token == "<2mass>" || token == "[@BOS@]" ||
         is_between(token, "<|", "|>") || is_between(token, "<\uff5c", "\uff5c>") ||
         is_between(token, "<unused", ">");
}

std::string with_spaces(const std::string& token) {
  constexpr std::string_view kMark = kMetaspace;
  std::string result;
  size_t from = 0;
  for (size_t at = 0; (at = token.find(kMark, from)) != std::string::npos; from = at + kMark.size())
    result += token.substr(from, at - from) + ' ';
  return result + token.substr(from);
}

}  // namespace mpq
