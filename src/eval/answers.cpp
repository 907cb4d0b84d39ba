// Greedy answers and their metrics.
#include "answers.h"

#include <limits>

#include "answer_metrics.h"
#include "mean_over_prompts.h"
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

void measure_answers(const Model& model, const Tokenizer& tokenizer, const EvalInput& input,
                     EvalResult& result) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const size_t prompts = input.prompts.size();
  result.prompt_exact_match.assign(prompts, kNone);
  result.prompt_f1.assign(prompts, kNone);
  result.generated.assign(prompts, "");
  std::vector<size_t> asked;
  std::vector<TokenSequence> questions;
  for (size_t i = 0; i < prompts; ++i) {
    if (input.prompts[i].answers.empty()) continue;
    asked.push_back(i);
    questions.push_back(input.prompts[i].tokens);
  }
  GenerateOptions options;
  options.max_new_tokens = input.max_new_tokens;
  options.stop_tokens = input.stop_tokens;
  options.stop = [&](const TokenSequence& tokens) {
    return answer_is_complete(text_of(tokenizer, tokens));
  };
  const auto generated = generate_greedy(model, questions, options);
  for (size_t i = 0; i < asked.size(); ++i) {
    const auto& gold = input.prompts[asked[i]].answers;
    const std::string answer = answer_of(text_of(tokenizer, generated[i]));
    result.prompt_exact_match[asked[i]] = exact_match(answer, gold);
    result.prompt_f1[asked[i]] = token_f1(answer, gold);
    result.generated[asked[i]] = answer;
  }
  result.exact_match = mean_over_prompts(result.prompt_exact_match);
  result.f1 = mean_over_prompts(result.prompt_f1);
}

}  // namespace mpq
