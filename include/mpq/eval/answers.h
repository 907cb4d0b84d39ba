#pragma once
// Generated answers and how right they are.
#include <functional>
#include <string>
#include <vector>

#include "mpq/model/model.h"
#include "mpq/text/tokenizer.h"

namespace mpq {

struct AnswerOptions {
  int64_t max_new_tokens = 16;
  std::vector<int32_t> stop_tokens{};  // ids that end generation; so does a newline in the text
  std::function<DecoderBlock(int64_t)> load_block{};  // blocks to use instead of the model's own
};

/// By question.
struct AnswerScores {
  std::vector<double> exact_match, f1;  // after SQuAD's normalisation, best over the gold answers
  std::vector<std::string> generated;
};

/// Greedy generation after each question. Throws Error(Usage) on a question without tokens.
AnswerScores score_answers(const Model& model, const Tokenizer& tokenizer,
                           const std::vector<TokenSequence>& questions,
                           const std::vector<std::vector<std::string>>& gold,
                           const AnswerOptions& options);

}  // namespace mpq
