#pragma once
// Models: a word to ids of the vocabulary.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizer_json.h"

namespace mpq::text {

/// Tokens and their ids.
class Vocabulary {
 public:
  /// Error(Format) for an id that is not in 0..2^31-1 or stands for two tokens.
  void add(std::string token, int64_t id, const std::string& where);
  std::optional<int32_t> find(std::string_view token) const;
  /// Null when the id is not used.
  const std::string* token(int32_t id) const;
  size_t size() const { return ids_.size(); }
  /// One more than the greatest id.
  int32_t id_end() const { return id_end_; }
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [id, token] : tokens_) visit(token, id);
  }

 private:
  std::unordered_map<int32_t, std::string> tokens_;  // nodes stay where they are: ids_ points there
  std::unordered_map<std::string_view, int32_t> ids_;
  int32_t id_end_ = 0;
};

class Model {
 public:
  virtual ~Model() = default;
  /// Appends the ids of a word that is not empty. Thread-safe.
  virtual void encode(std::string_view word, std::vector<int32_t>& ids) const = 0;
  virtual const Vocabulary& vocabulary() const = 0;
};

/// The file's "model": BPE or Unigram.
std::unique_ptr<Model> make_model(const TokenizerJson& file);
std::unique_ptr<Model> make_bpe(const TokenizerJson& file, const std::string& where);
std::unique_ptr<Model> make_unigram(const TokenizerJson& file, const std::string& where);

/// Ids of <0x00> to <0xFF>; -1 where the vocabulary lacks one.
std::vector<int32_t> byte_token_ids(const Vocabulary& vocabulary);
/// Appends the byte tokens of `text`; false, and nothing appended, when one of them is missing.
bool append_byte_tokens(std::string_view text, const std::vector<int32_t>& byte_ids,
                        std::vector<int32_t>& ids);

}  // namespace mpq::text
