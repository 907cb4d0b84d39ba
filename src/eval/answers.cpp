// Greedy answers and their metrics.
#include "mpq/eval/answers.h"

#include "answer_metrics.h"
#include "mpq/eval/generate.h"

namespace mpq {
namespace {

/// Embeddings are often padded past the tokenizer's ids; a damaged model may choose such a row,
/// which has no text.
std::string text_of(const Tokenizer& tokenizer, const TokenSequence& tokens) {
  TokenSequence known;
  for (const int32_t token : tokens) {
    if (token < tokenizer.vocab_size()) known.push_back(token);
  }
  return tokenizer.decode(known);
}

}  // namespace

AnswerScores score_answers(const Model& model, const Tokenizer& tokenizer,
                           const std::vector<TokenSequence>& questions,
                           const std::vector<std::vector<std::string>>& gold,
                           const AnswerOptions& options) {
  GenerateOptions generate;
  generate.max_new_tokens = options.max_new_tokens;
  generate.stop_tokens = options.stop_tokens;
  generate.load_block = options.load_block;
  generate.stop = [&](const TokenSequence& tokens) {
    return answer_is_complete(text_of(tokenizer, tokens));
  };
  const auto tokens = generate_greedy(model, questions, generate);
  AnswerScores scores;
  for (size_t i = 0; i < questions.size(); ++i) {
    scores.generated.push_back(answer_of(text_of(tokenizer, tokens[i])));
    scores.exact_match.push_back(exact_match(scores.generated[i], gold[i]));
    scores.f1.push_back(token_f1(scores.generated[i], gold[i]));
  }
  return scores;
}

}  // namespace mpq
