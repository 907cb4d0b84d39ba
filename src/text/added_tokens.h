#pragma once
// Added tokens: strings that are one token wherever they occur, found before the model sees the
// text.
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "model.h"
#include "normalizer.h"
#include "span.h"
#include "trie.h"

namespace mpq::text {

/// A part of a text: an added token, or (id -1) text in between.
struct Segment {
  Span span;
  int32_t id = -1;
};

class AddedTokens {
 public:
  /// The file's "added_tokens". Their ids are the model's where it has them; the others follow the
  /// model's.
  AddedTokens(const TokenizerJson& file, const Vocabulary& vocabulary,
              const Normalizer* normalizer);

  /// Cuts a text at the tokens that are looked for before normalization, or after it.
  std::vector<Segment> split(std::string_view text, bool is_normalized) const;

  /// -1 when it is not one of them.
  int32_t find(std::string_view token) const;
  /// How it is decoded: normalized if it is found after normalization. Null when it is not one of
  /// them.
  const std::string* token(int32_t id) const;
  bool is_special(int32_t id) const { return special_.count(id) != 0; }
  int32_t id_end() const { return id_end_; }

 private:
  struct Token {
    std::string content;
    std::string written;  // as it stands in a text, normalized if `normalized`
    int32_t id = 0;
    bool single_word = false, lstrip = false, rstrip = false, normalized = false;
  };
  struct Finder {
    Trie trie;  // values are indices of tokens_
    std::vector<bool> first_bytes = std::vector<bool>(256);
    bool empty = true;
    void add(std::string_view pattern, size_t index);
  };

  Token read(const Json& entry, const Vocabulary& vocabulary, const std::string& where);

  std::vector<Token> tokens_;
  std::unordered_map<int32_t, size_t> by_id_;
  std::unordered_set<int32_t> special_;
  Finder raw_, normalized_;
  int32_t id_end_ = 0;
};

}  // namespace mpq::text
