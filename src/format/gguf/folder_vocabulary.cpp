// Reads and checks the arrays of "tokenizer.ggml".
#include "folder_vocabulary.h"

namespace mpq {
namespace {

constexpr const char* kTokens = "tokenizer.ggml.tokens";
constexpr const char* kTypes = "tokenizer.ggml.token_type";
constexpr const char* kMerges = "tokenizer.ggml.merges";
constexpr const char* kScores = "tokenizer.ggml.scores";

bool read_kind(const MetadataReader& reader) {
  const std::string kind = reader.text("tokenizer.ggml.model");
  require(kind == "gpt2" || kind == "llama", ErrorCode::Unsupported,
          "{}: mpq does not cut texts as \"{}\" does; supported: gpt2 (byte-level BPE), llama "
          "(SentencePiece's BPE)",
          reader.where("tokenizer.ggml.model"), kind);
  return kind == "llama";
}

std::string element(const MetadataReader& reader, const char* key, size_t index) {
  return fmt::format("{}[{}]", reader.where(key), index);
}

void check_length(const MetadataReader& reader, const char* key, size_t found, size_t expected) {
  require(found == expected, ErrorCode::Format, "{}: expected {} elements, one a token, found {}",
          reader.where(key), expected, found);
}

}  // namespace

FolderVocabulary::FolderVocabulary(const MetadataReader& reader)
    : reader_(reader), is_sentencepiece_(read_kind(reader)), tokens_(reader.texts(kTokens)) {
  const auto& types = reader.integers(kTypes);
  require(!tokens_.empty(), ErrorCode::Format, "{}: expected tokens, found none",
          reader.where(kTokens));
  check_length(reader, kTypes, types.size(), tokens_.size());
  for (size_t i = 0; i < tokens_.size(); ++i) {
    require(types[i] >= 1 && types[i] <= 6, ErrorCode::Format,
            "{}: expected a type from 1 to 6, found {}", element(reader, kTypes, i), types[i]);
    types_.push_back(static_cast<GgufTokenType>(types[i]));
    if (tokens_[i].empty()) tokens_[i] = fmt::format("[EMPTY_{}]", i);  // as llama.cpp calls it
    const bool is_new = ids_.emplace(tokens_[i], static_cast<int64_t>(i)).second;
    require(is_new, ErrorCode::Format, "{}: expected each token once, found \"{}\" again",
            element(reader, kTokens, i), tokens_[i]);
  }
}

std::optional<int64_t> FolderVocabulary::find(std::string_view token) const {
  const auto found = ids_.find(token);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

bool FolderVocabulary::is_added(int64_t id) const {
  const GgufTokenType found = type(id);
  return found == GgufTokenType::Control || found == GgufTokenType::Unknown ||
         found == GgufTokenType::User;
}

bool FolderVocabulary::is_padding(int64_t id) const {
  return type(id) == GgufTokenType::Unused && token(id) == fmt::format("[PAD{}]", id);
}

std::optional<int64_t> FolderVocabulary::special(const char* kind) const {
  const std::string key = fmt::format("tokenizer.ggml.{}_token_id", kind);
  const auto id = reader_.find_whole(key);
  require(!id || *id < size(), ErrorCode::Format,
          "{}: expected the id of one of {} tokens, found {}", reader_.where(key), size(),
          id.value_or(0));
  if (id || !is_sentencepiece_) return id;
  constexpr std::pair<std::string_view, int64_t> kDefaults[] = {
      {"unknown", 0}, {"bos", 1}, {"eos", 2}};
  for (const auto& [name, value] : kDefaults) {
    if (name == kind && value < size()) return value;
  }
  return std::nullopt;
}

std::vector<std::pair<std::string, std::string>> FolderVocabulary::merges() const {
  if (!is_sentencepiece_) return written_merges();
  const auto& scores = reader_.floats(kScores);
  check_length(reader_, kScores, scores.size(), tokens_.size());
  return sentencepiece_merges(*this, scores);
}

std::vector<std::pair<std::string, std::string>> FolderVocabulary::written_merges() const {
  const auto& list = reader_.texts(kMerges);
  std::vector<std::pair<std::string, std::string>> merges;
  merges.reserve(list.size());
  for (size_t i = 0; i < list.size(); ++i) {
    const size_t space = list[i].find(' ', 1);
    std::string left = list[i].substr(0, space);
    std::string right = space == std::string::npos ? "" : list[i].substr(space + 1);
    require(find(left) && find(right) && find(left + right), ErrorCode::Format,
            "{}: expected two tokens that make a third one, with a space between them, found "
            "\"{}\"",
            element(reader_, kMerges, i), list[i]);
    merges.emplace_back(std::move(left), std::move(right));
  }
  return merges;
}

}  // namespace mpq
