// SentencePiece merges the pair whose token has the highest score; tokenizer.json lists the pairs.
#include <algorithm>
#include <tuple>

#include "folder_vocabulary.h"

namespace mpq {
namespace {

/// Longer ones are in no SentencePiece, and every cut of a token is looked up.
constexpr size_t kLongestToken = 1024;

struct Pair {
  float score = 0;
  int64_t left_length = 0, right_length = 0;  // in characters
  int64_t left = 0, right = 0;                // ids
};

bool begins_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

std::optional<int64_t> find_normal(const FolderVocabulary& vocabulary, std::string_view token) {
  const auto id = vocabulary.find(token);
  return id && vocabulary.type(*id) == GgufTokenType::Normal ? id : std::nullopt;
}

void add_pairs(const FolderVocabulary& vocabulary, int64_t id, float score,
               std::vector<Pair>& pairs) {
  const std::string_view token = vocabulary.token(id);
  const auto length = std::count_if(token.begin(), token.end(), begins_character);
  const auto first = static_cast<std::ptrdiff_t>(pairs.size());
  int64_t before = 0;
  for (size_t at = 1; at < token.size(); ++at) {
    if (!begins_character(token[at])) continue;
    ++before;
    const auto left = find_normal(vocabulary, token.substr(0, at));
    const auto right = left ? find_normal(vocabulary, token.substr(at)) : std::nullopt;
    if (right) pairs.push_back({score, before, length - before, *left, *right});
  }
  std::sort(pairs.begin() + first, pairs.end(), [](const Pair& a, const Pair& b) {
    return std::tie(a.left, a.right) < std::tie(b.left, b.right);
  });
}

}  // namespace

std::vector<std::pair<std::string, std::string>> sentencepiece_merges(
    const FolderVocabulary& vocabulary, const std::vector<float>& scores) {
  std::vector<Pair> pairs;
  for (int64_t id = 0; id < vocabulary.size(); ++id) {
    if (vocabulary.type(id) != GgufTokenType::Normal) continue;
    require(vocabulary.token(id).size() <= kLongestToken, ErrorCode::Unsupported,
            "the token {} is one of {} bytes; in SentencePiece mpq reads those of up to {}", id,
            vocabulary.token(id).size(), kLongestToken);
    add_pairs(vocabulary, id, scores[static_cast<size_t>(id)], pairs);
  }
  std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) {
    return std::tie(a.score, a.left_length, a.right_length) >
           std::tie(b.score, b.left_length, b.right_length);
  });
  std::vector<std::pair<std::string, std::string>> merges;
  merges.reserve(pairs.size());
  for (const Pair& pair : pairs)
    merges.emplace_back(vocabulary.token(pair.left), vocabulary.token(pair.right));
  return merges;
}

}  // namespace mpq
