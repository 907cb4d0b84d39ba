// One forward pass a model over all sequences, the figures read from it, then generation.
#include "mpq/eval/evaluate.h"

#include <ATen/ATen.h>

#include <limits>

#include "choice.h"
#include "divergence_summary.h"
#include "eval_layout.h"
#include "mean_over_prompts.h"
#include "mpq/core/error.h"
#include "mpq/eval/answers.h"
#include "perplexity.h"
#include "reference_cache.h"
#include "token_scores.h"

namespace mpq {
namespace {

struct States {
  FinalStates model;
  std::optional<FinalStates> reference;
  const FinalStates* other() const { return reference ? &*reference : nullptr; }
};

void measure_task(const States& states, const EvalLayout& layout, EvalResult& result) {
  if (layout.task.empty()) return;
  const auto scores = score_tokens(states.model, states.other(), layout.task);
  const auto prompt = sequence_of(layout.task, 0);
  result.task_divergence = summarize(scores, prompt, layout.first_text);
  result.prompt_kl = mean_by_sequence(scores.kl, prompt, layout.first_text);
}

void measure_text(const States& states, const EvalLayout& layout, EvalResult& result) {
  if (layout.text.empty()) return;
  const int64_t windows = layout.first_choice - layout.first_text;
  const auto scores = score_tokens(states.model, states.other(), layout.text);
  result.text_nll = mean_nll(scores, layout.text, layout.first_text, windows);
  if (states.reference)
    result.text_divergence =
        summarize(scores, sequence_of(layout.text, layout.first_text), windows);
}

void measure_choices(const States& states, const EvalLayout& layout, const EvalInput& input,
                     EvalResult& result) {
  if (layout.choices.empty()) return;
  const auto choices = static_cast<int64_t>(layout.sequences.size()) - layout.first_choice;
  const auto scores = score_tokens(states.model, nullptr, layout.choices);
  const auto sums = at::zeros({choices}, at::kDouble)
                        .index_add(0, sequence_of(layout.choices, layout.first_choice),
                                   -scores.nll.to(at::kDouble));
  const double* values = sums.const_data_ptr<double>();
  const auto accuracy = choice_accuracy(input.prompts, {values, values + choices});
  result.choice_accuracy = accuracy.plain;
  result.choice_accuracy_normalized = accuracy.normalized;
  result.prompt_choice = accuracy.right_per_byte;
}

void measure_answers(const Model& model, const Tokenizer& tokenizer, const EvalInput& input,
                     EvalResult& result) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const size_t prompts = input.prompts.size();
  result.prompt_exact_match.assign(prompts, kNone);
  result.prompt_f1.assign(prompts, kNone);
  result.generated.assign(prompts, "");
  std::vector<size_t> asked;
  std::vector<TokenSequence> questions;
  std::vector<std::vector<std::string>> gold;
  for (size_t i = 0; i < prompts; ++i) {
    if (input.prompts[i].answers.empty()) continue;
    asked.push_back(i);
    questions.push_back(before_answer(input.prompts[i].tokens, input.prompts[i].answer_from));
    gold.push_back(input.prompts[i].answers);
  }
  const AnswerScores scores = score_answers(model, tokenizer, questions, gold,
                                            {input.max_new_tokens, input.stop_tokens, {}});
  for (size_t i = 0; i < asked.size(); ++i) {
    result.prompt_exact_match[asked[i]] = scores.exact_match[i];
    result.prompt_f1[asked[i]] = scores.f1[i];
    result.generated[asked[i]] = scores.generated[i];
  }
  result.exact_match = mean_over_prompts(result.prompt_exact_match);
  result.f1 = mean_over_prompts(result.prompt_f1);
}

/// Both models' final states; the reference does not see the choices.
States forward(const Model& model, const Model* reference, const EvalLayout& layout,
               const EvalInput& input, MemoryBudget& memory) {
  const auto& all = layout.sequences;
  const std::vector<TokenSequence> compared(all.begin(), all.begin() + layout.first_choice);
  const bool both = reference != nullptr && !compared.empty();
  const std::string title = "eval: reference";
  States states{{model, all, input.batch_tokens, memory, "eval"}, std::nullopt};
  if (both && input.reference_cache.empty()) {
    states.reference.emplace(*reference, compared, input.batch_tokens, memory, title);
  } else if (both) {
    states.reference.emplace(kept_states(*reference, compared, input.batch_tokens,
                                         input.reference_cache, memory, title));
  }
  return states;
}

}  // namespace

EvalResult evaluate(const Model& model, const Model* reference, const Tokenizer& tokenizer,
                    const EvalInput& input, MemoryBudget& memory) {
  require(
      reference == nullptr || reference->config().vocab == model.config().vocab, ErrorCode::Usage,
      "eval: expected models of one vocabulary, found {} tokens in {} and {} in {}; "
      "a reference is the model that was quantized",
      model.config().vocab, model.folder(), reference != nullptr ? reference->config().vocab : 0,
      reference != nullptr ? reference->folder() : "");
  const EvalLayout layout = lay_out(input, reference != nullptr);
  EvalResult result;
  if (!layout.sequences.empty()) {
    const States states = forward(model, reference, layout, input, memory);
    measure_task(states, layout, result);
    measure_text(states, layout, result);
    measure_choices(states, layout, input, result);
  }
  measure_answers(model, tokenizer, input, result);
  return result;
}

}  // namespace mpq
