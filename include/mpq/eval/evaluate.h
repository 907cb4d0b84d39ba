#pragma once
// Measures a model on a task and on text, alone or against a reference.
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "mpq/core/json_file.h"
#include "mpq/io/memory_budget.h"
#include "mpq/model/divergence.h"
#include "mpq/model/model.h"
#include "mpq/text/tokenizer.h"

namespace mpq {

/// A task prompt in tokens, with what is needed to score it.
struct EvalPrompt {
  std::string source;  // "file:line"
  TokenSequence tokens;
  std::vector<std::string> answers;    // EM and F1 by greedy generation when not empty
  std::vector<TokenSequence> choices;  // continuations; accuracy by log-likelihood when not empty
  std::vector<int64_t>
      choice_bytes;  // length of each choice's text in bytes, for length normalisation
  int label = -1;
  int64_t answer_from = 0;  // first token of the answer that `tokens` ends with; 0: it has none
};

struct EvalInput {
  std::vector<EvalPrompt> prompts{};
  std::vector<TokenSequence> text{};  // windows; each token but a window's first is scored
  int64_t max_new_tokens = 16;
  std::vector<int32_t>
      stop_tokens{};  // ids that end generation (eos); so does a newline in the decoded text
  int64_t batch_tokens = kBatchTokens;
  /// A file that keeps the reference's final states, written when it is not there; the
  /// next evaluation of the same input needs no forward pass of the reference. Empty: none.
  std::string reference_cache{};
};

/// KL to the reference over all tokens of a set; of prompts that are read with their answers, where
/// these are predicted.
struct Divergence {
  MeanWithError kl;
  double median = 0, p99 = 0, p999 = 0, maximum = 0;
  // NaN: unknown, as of means
  double median_stderr = 0, p99_stderr = 0, p999_stderr = 0, maximum_stderr = 0;
  MeanWithError top1_agreement;  // share of tokens with the same most likely successor
};

struct EvalResult {
  std::optional<Divergence> task_divergence, text_divergence;
  std::optional<MeanWithError> exact_match, f1;  // over prompts with answers
  std::optional<MeanWithError> choice_accuracy, choice_accuracy_normalized;
  std::optional<MeanWithError> text_nll;              // nats per token; perplexity = exp(mean)
  std::vector<double> prompt_kl;                      // by prompt, when there is a reference
  std::vector<double> prompt_exact_match, prompt_f1;  // by prompt; NaN where it has no answers
  std::vector<double> prompt_choice;   // by prompt: 1 right per byte, 0 wrong, NaN without choices
  std::vector<std::string> generated;  // by prompt; empty where it has no answers
};

/// `reference` may be null: then there is no divergence. Both models must share a vocabulary
/// (Error(Usage) otherwise).
EvalResult evaluate(const Model& model, const Model* reference, const Tokenizer& tokenizer,
                    const EvalInput& input, MemoryBudget& memory);
/// A standard error in a report: null where it is unknown.
Json error_json(double error);
/// Every figure with its standard error; perplexity with its own.
Json to_json(const EvalResult& result);
/// A figure of every prompt ("kl", "f1", ...) of what to_json() gave; NaN where it has none.
std::vector<double> by_prompt(const Json& result, const char* name);

/// A paired difference a - b over the same prompts: mean, standard error, and the two-sided sign
/// test's p (exact, ties dropped).
struct PairedDifference {
  double mean = 0, stderr_ = std::numeric_limits<double>::quiet_NaN(), sign_test_p = 1;
  int64_t pairs = 0;
};
/// Pairs with a NaN are left out. Throws Error(Usage) when the lengths differ.
PairedDifference compare_paired(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace mpq
