#pragma once
// Token ids as a person reads them: the text that each adds.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "mpq/text/tokenizer.h"

namespace mpq {

/// One token, or the few that only together make whole characters.
struct TokenPiece {
  std::vector<int32_t> ids;
  std::string text;  // UTF-8; bytes that never become a character are U+FFFD
  bool special = false;
};

/// The pieces of `ids` from `first` on; those before it only decide about spaces. Joined, the texts
/// are what the tokenizer decodes with its special tokens, where all of it is UTF-8.
std::vector<TokenPiece> token_pieces(std::span<const int32_t> ids, const Tokenizer& tokenizer,
                                     size_t first = 0);

}  // namespace mpq
