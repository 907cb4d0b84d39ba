#pragma once
// Token ids of one sequence.
#include <cstdint>
#include <vector>

namespace mpq {

using TokenSequence = std::vector<int32_t>;

/// The tokens before an answer that begins at index `answer_from`; 0: there is none, so all.
inline TokenSequence before_answer(const TokenSequence& tokens, int64_t answer_from) {
  return {tokens.begin(), answer_from > 0 ? tokens.begin() + answer_from : tokens.end()};
}

}  // namespace mpq
