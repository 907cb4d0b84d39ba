// Every figure against transformers and numpy (tools/golden/make_eval.py).
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mpq/eval/evaluate.h"
#include "mpq/text/tokenizer.h"
#include "src/eval/eval_layout.h"
#include "tests/eval/models.h"

namespace mpq {
namespace {

constexpr double kRelative = 1e-4;

void expect_close(double value, double golden, const std::string& what) {
  EXPECT_NEAR(value, golden, kRelative * std::abs(golden) + 1e-9) << what;
}

/// A golden figure is {"mean", "stderr"}.
void expect_figure(const std::optional<MeanWithError>& value, const Json& golden,
                   const std::string& what) {
  ASSERT_TRUE(value.has_value()) << what;
  expect_close(value->mean, golden.at("mean"), what + " mean");
  expect_close(value->stderr_, golden.at("stderr"), what + " stderr");
}

std::vector<TokenSequence> windows_of(const TokenSequence& tokens, size_t window) {
  std::vector<TokenSequence> windows;
  for (size_t begin = 0; begin < tokens.size(); begin += window) {
    const size_t end = std::min(begin + window, tokens.size());
    windows.emplace_back(tokens.begin() + static_cast<int64_t>(begin),
                         tokens.begin() + static_cast<int64_t>(end));
  }
  return windows;
}

/// The golden entry whose stride is the window: the definition of mpq.
const Json& plain_perplexity(const Json& list) {
  for (const auto& entry : list) {
    if (entry.at("window") == entry.at("stride")) return entry;
  }
  throw std::runtime_error("expected.json has no perplexity with stride = window");
}

void expect_perplexity(const std::optional<MeanWithError>& nll, const Json& list) {
  const Json& golden = plain_perplexity(list);
  expect_figure(nll, {{"mean", golden.at("nll")}, {"stderr", golden.at("nll_stderr")}}, "nll");
  EXPECT_EQ(nll->tokens, golden.at("tokens").get<int64_t>());
}

std::vector<EvalPrompt> choice_prompts(const Json& choices) {
  std::vector<EvalPrompt> prompts;
  for (const auto& entry : choices.at("prompts")) {
    EvalPrompt prompt;
    prompt.tokens = entry.at("ids").get<TokenSequence>();
    prompt.choices = entry.at("choices").get<std::vector<TokenSequence>>();
    prompt.choice_bytes = entry.at("bytes").get<std::vector<int64_t>>();
    prompt.label = entry.at("label");
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

void expect_log_likelihoods(const Model& model, const EvalInput& input, const Json& choices) {
  MemoryBudget memory(-1, "/tmp");
  const EvalLayout layout = lay_out({.prompts = input.prompts}, false);
  const FinalStates states(model, layout.sequences, 512, memory, "test");
  const auto nll = score_tokens(states, nullptr, layout.choices).nll;
  const auto sums = at::zeros({static_cast<int64_t>(layout.sequences.size())})
                        .index_add(0, sequence_of(layout.choices, layout.first_choice), -nll);
  int64_t index = 0;
  for (const auto& entry : choices.at("prompts")) {
    for (const auto& golden : entry.at("log_likelihoods"))
      expect_close(sums[index++].item<double>(), golden, "log-likelihood");
  }
  EXPECT_EQ(index, sums.size(0));
}

class EvalGolden : public testing::Test {
 protected:
  EvalResult run(const Model& model, const Model* reference, const EvalInput& input) {
    const auto tokenizer = Tokenizer::load(model.folder());
    MemoryBudget memory(1 << 20, "/tmp");  // so small that the states go to scratch files
    return evaluate(model, reference, *tokenizer, input, memory);
  }

  const Json golden_ = read_json_file(source_path("tests/golden/eval/expected.json"));
};

TEST_F(EvalGolden, NanoAnswersAndPerplexity) {
  const Json& golden = golden_.at("nano");
  EvalInput input;
  for (const auto& entry : golden.at("answers").at("prompts")) {
    EvalPrompt prompt;
    prompt.tokens = entry.at("ids").get<TokenSequence>();
    prompt.answers = entry.at("answers").get<std::vector<std::string>>();
    input.prompts.push_back(std::move(prompt));
  }
  input.stop_tokens = {0};
  input.text = windows_of(golden.at("text_ids").get<TokenSequence>(), 256);
  const EvalResult result = run(open_float32(golden.at("model")), nullptr, input);
  for (size_t i = 0; i < input.prompts.size(); ++i) {
    const Json& entry = golden.at("answers").at("prompts").at(i);
    EXPECT_EQ(result.generated[i], entry.at("generated").get<std::string>());
    EXPECT_EQ(result.prompt_exact_match[i], entry.at("em").get<double>());
    expect_close(result.prompt_f1[i], entry.at("f1"), "F1");
  }
  expect_figure(result.exact_match, golden.at("answers").at("em"), "exact match");
  expect_figure(result.f1, golden.at("answers").at("f1"), "F1");
  expect_perplexity(result.text_nll, golden.at("perplexity"));
}

TEST_F(EvalGolden, NanoChoices) {
  const Json& golden = golden_.at("nano");
  const EvalInput input{.prompts = choice_prompts(golden.at("choices"))};
  const Model model = open_float32(golden.at("model"));
  const EvalResult result = run(model, nullptr, input);
  expect_figure(result.choice_accuracy, golden.at("choices").at("accuracy"), "plain");
  expect_figure(result.choice_accuracy_normalized, golden.at("choices").at("accuracy_per_byte"),
                "per byte");
  expect_log_likelihoods(model, input, golden.at("choices"));
}

TEST_F(EvalGolden, DamagedStoriesDivergeAsMuch) {
  const Json& golden = golden_.at("stories");
  const Model reference = open_float32(golden.at("reference"));
  const Model tested = open_float32(golden.at("tested"));
  EvalInput input;
  for (const auto& document : golden.at("documents")) {
    EvalPrompt prompt;
    prompt.tokens = document.get<TokenSequence>();
    input.prompts.push_back(std::move(prompt));
  }
  input.text = windows_of(golden.at("text_ids").get<TokenSequence>(), 256);
  const EvalResult result = run(tested, &reference, input);
  expect_perplexity(result.text_nll, golden.at("tested_perplexity"));
  expect_perplexity(run(reference, nullptr, {.text = input.text}).text_nll,
                    golden.at("reference_perplexity"));
  const Json& divergence = golden.at("divergence");
  const Divergence& ours = result.task_divergence.value();
  expect_figure(ours.kl, divergence, "KL");
  EXPECT_EQ(ours.kl.tokens, divergence.at("tokens").get<int64_t>());
  expect_close(ours.median, divergence.at("median"), "median");
  expect_close(ours.p99, divergence.at("p99"), "p99");
  expect_close(ours.p999, divergence.at("p999"), "p999");
  expect_close(ours.maximum, divergence.at("max"), "max");
  expect_close(ours.top1_agreement.mean, divergence.at("top1_agreement"), "top-1");
  expect_close(ours.top1_agreement.stderr_, divergence.at("top1_stderr"), "top-1 stderr");
  ASSERT_EQ(result.prompt_kl.size(), divergence.at("document_kl").size());
  for (size_t i = 0; i < result.prompt_kl.size(); ++i)
    expect_close(result.prompt_kl[i], divergence.at("document_kl").at(i), "document KL");
}

TEST_F(EvalGolden, StoryChoices) {
  const Json& golden = golden_.at("stories");
  const EvalInput input{.prompts = choice_prompts(golden.at("choices"))};
  const Model model = open_float32(golden.at("reference"));
  const EvalResult result = run(model, nullptr, input);
  expect_figure(result.choice_accuracy, golden.at("choices").at("accuracy"), "plain");
  expect_figure(result.choice_accuracy_normalized, golden.at("choices").at("accuracy_per_byte"),
                "per byte");
  expect_log_likelihoods(model, input, golden.at("choices"));
}

}  // namespace
}  // namespace mpq
