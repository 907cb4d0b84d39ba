#pragma once
// The tokens of a GGUF file, checked against each other.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "metadata_reader.h"
#include "vocabulary.h"

namespace mpq {

class FolderVocabulary {
 public:
  /// Of "tokenizer.ggml.*". The metadata must outlive it. Throws Error(Unsupported) on a kind of
  /// tokenizer that is neither "gpt2" nor "llama", Error(Format) on arrays of other lengths, types
  /// that do not exist, tokens that are there twice, ids past the end.
  explicit FolderVocabulary(const MetadataReader& reader);

  bool is_sentencepiece() const { return is_sentencepiece_; }
  int64_t size() const { return static_cast<int64_t>(tokens_.size()); }
  const std::string& token(int64_t id) const { return tokens_[static_cast<size_t>(id)]; }
  GgufTokenType type(int64_t id) const { return types_[static_cast<size_t>(id)]; }
  std::optional<int64_t> find(std::string_view token) const;
  /// Found in a text before it is cut: control, unknown and user-defined tokens.
  bool is_added(int64_t id) const;
  /// "[PAD7]", with which the converter fills a vocabulary up to the model's.
  bool is_padding(int64_t id) const;
  /// The id that "tokenizer.ggml.KIND_token_id" gives, or llama.cpp's for SentencePiece.
  std::optional<int64_t> special(const char* kind) const;
  /// Pairs of tokens, the first to be merged first: those of the file, or of SentencePiece those
  /// that transformers makes of the scores.
  std::vector<std::pair<std::string, std::string>> merges() const;

 private:
  std::vector<std::pair<std::string, std::string>> written_merges() const;

  const MetadataReader& reader_;
  bool is_sentencepiece_;
  std::vector<std::string> tokens_;
  std::vector<GgufTokenType> types_;
  std::unordered_map<std::string_view, int64_t> ids_;
};

/// Every way to cut a normal token in two normal ones, by falling score; pairs of one score by
/// falling lengths in characters, as transformers sorts them (generate_merges). `scores` by id.
std::vector<std::pair<std::string, std::string>> sentencepiece_merges(
    const FolderVocabulary& vocabulary, const std::vector<float>& scores);

}  // namespace mpq
