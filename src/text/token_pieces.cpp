// Decodes token by token: a piece is what the text grows by.
#include "mpq/text/token_pieces.h"

#include <algorithm>

namespace mpq {
namespace {

constexpr const char* kReplacement = "\xEF\xBF\xBD";
constexpr size_t kMostTogether = 8;  // tokens; of one character there are four at most, but tokens
                                     // may hold the end of one and the beginning of the next

bool is_whole(const std::string& text) { return text.find(kReplacement) == text.npos; }

/// What `ids` from `at` on add to those before. Decoders strip the beginning of a text: a token in
/// front shows what is there in its middle.
std::string growth(std::span<const int32_t> ids, size_t at, const Tokenizer& tokenizer) {
  const std::string before = tokenizer.decode(ids.first(at), false);
  const std::string after = tokenizer.decode(ids, false);
  if (after.compare(0, before.size(), before) == 0) return after.substr(before.size());
  return tokenizer.decode(ids.subspan(at), false);
}

}  // namespace

std::vector<TokenPiece> token_pieces(std::span<const int32_t> ids, const Tokenizer& tokenizer,
                                     size_t first) {
  std::vector<TokenPiece> pieces;
  size_t context = first > 0 ? first - 1 : 0;  // where the piece before begins
  for (size_t at = first; at < ids.size();) {
    const auto text_of = [&](size_t count) {
      return growth(ids.subspan(context, at + count - context), at - context, tokenizer);
    };
    TokenPiece piece{{}, text_of(1), false};
    size_t count = 1;
    for (size_t more = 2; !is_whole(piece.text); ++more) {
      if (more > kMostTogether || at + more > ids.size()) break;
      std::string together = text_of(more);
      if (!is_whole(together)) continue;
      piece.text = std::move(together);
      count = more;
    }
    const auto own = ids.subspan(at, count);
    piece.ids.assign(own.begin(), own.end());
    piece.special =
        count == 1 && tokenizer.decode(own, true).empty() && !tokenizer.decode(own, false).empty();
    pieces.push_back(std::move(piece));
    context = at;
    at += count;
  }
  return pieces;
}

}  // namespace mpq
