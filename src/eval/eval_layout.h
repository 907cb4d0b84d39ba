#pragma once
// An evaluation's sequences and the positions read in them, so that one forward pass a model serves
// every figure.
#include <vector>

#include "mpq/eval/evaluate.h"
#include "token_scores.h"

namespace mpq {

struct EvalLayout {
  std::vector<TokenSequence>
      sequences;  // prompts (when compared), text windows, then each prompt with each choice
  int64_t first_text = 0, first_choice = 0;
  std::vector<Position> task;     // all tokens of the prompts, or those that an answer's follow
  std::vector<Position> text;     // all tokens that precede one; when compared, the last ones too
  std::vector<Position> choices;  // those that a choice's token follows
};

/// `compared`: there is a reference. Throws Error(Usage) naming a prompt or window that cannot be
/// measured.
EvalLayout lay_out(const EvalInput& input, bool compared);

}  // namespace mpq
