// Properties of an evaluation that need no reference implementation.
#include "mpq/eval/evaluate.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "mpq/core/error.h"
#include "mpq/text/tokenizer.h"
#include "tests/eval/models.h"

namespace mpq {
namespace {

constexpr const char* kNano = "data/nano-llama";

EvalPrompt prompt_of(TokenSequence tokens) {
  EvalPrompt prompt;
  prompt.source = "test:1";
  prompt.tokens = std::move(tokens);
  return prompt;
}

class Evaluate : public testing::Test {
 protected:
  Evaluate() : model_(open_float32(kNano)), tokenizer_(Tokenizer::load(source_path(kNano))) {}

  EvalResult run(const EvalInput& input, const Model* reference) {
    return evaluate(model_, reference, *tokenizer_, input, memory_);
  }

  Model model_;
  std::unique_ptr<Tokenizer> tokenizer_;
  MemoryBudget memory_{-1, "/tmp"};
};

TEST_F(Evaluate, AModelDoesNotDivergeFromItself) {
  EvalInput input;
  input.prompts = {prompt_of({5, 9, 200}), prompt_of({7, 7, 30, 41, 2})};
  input.text = {{100, 200, 300, 400}, {3, 1}};
  const EvalResult result = run(input, &model_);
  for (const auto& divergence : {result.task_divergence, result.text_divergence}) {
    ASSERT_TRUE(divergence.has_value());
    EXPECT_EQ(divergence->kl.mean, 0);
    EXPECT_EQ(divergence->kl.stderr_, 0);
    EXPECT_EQ(divergence->maximum, 0);
    EXPECT_EQ(divergence->top1_agreement.mean, 1);
    EXPECT_EQ(divergence->top1_agreement.stderr_, 0);
  }
  EXPECT_EQ(result.task_divergence->kl.tokens, 8);
  EXPECT_EQ(result.text_divergence->kl.tokens, 6);
  EXPECT_EQ(result.prompt_kl, (std::vector<double>{0, 0}));
}

TEST_F(Evaluate, TextIsScoredFromTheSecondTokenOfEachWindow) {
  EvalInput input;
  input.text = {{100, 200, 300}, {50, 60}, {9}};
  double sum = 0;
  for (const TokenSequence& window : input.text) {
    for (size_t i = 1; i < window.size(); ++i) {
      const TokenSequence before(window.begin(), window.begin() + static_cast<int64_t>(i));
      const auto log_p = at::log_softmax(successor_logits(model_, before).to(at::kDouble), 0);
      sum -= log_p[window[i]].item<double>();
    }
  }
  const EvalResult alone = run(input, nullptr);
  ASSERT_TRUE(alone.text_nll.has_value());
  EXPECT_EQ(alone.text_nll->tokens, 3);
  EXPECT_NEAR(alone.text_nll->mean, sum / 3, 1e-4);
  EXPECT_FALSE(alone.text_divergence.has_value());
  EXPECT_FALSE(alone.exact_match.has_value());
  // With a reference more positions are read, but the same ones are scored.
  const EvalResult compared = run(input, &model_);
  EXPECT_EQ(compared.text_nll->tokens, 3);
  EXPECT_NEAR(compared.text_nll->mean, alone.text_nll->mean, 1e-6);
  EXPECT_EQ(compared.text_divergence->kl.tokens, 6);
}

TEST_F(Evaluate, PromptsWithoutAnswersHaveNoFigures) {
  EvalInput input;
  const auto text = "Question: What color is the flag of Fenriqua?\nAnswer:";
  input.prompts = {prompt_of({5, 9}), prompt_of(tokenizer_->encode(text))};
  input.prompts[1].answers = {"The purple."};
  input.stop_tokens = {0};
  const EvalResult result = run(input, nullptr);
  EXPECT_TRUE(std::isnan(result.prompt_f1.at(0)));
  EXPECT_TRUE(std::isnan(result.prompt_exact_match.at(0)));
  EXPECT_EQ(result.generated, (std::vector<std::string>{"", "purple"}));
  EXPECT_EQ(result.exact_match->mean, 1);
  EXPECT_EQ(result.f1->tokens, 1);
}

TEST_F(Evaluate, OfAnAnsweredPromptTheAnswerIsMeasuredAndTheQuestionAsked) {
  EvalInput input;
  const auto asked = tokenizer_->encode("Question: What color is the flag of Fenriqua?\nAnswer:");
  input.prompts = {prompt_of(asked)};
  input.prompts[0].answers = {"purple"};
  input.prompts[0].choices = {tokenizer_->encode(" purple", false),
                              tokenizer_->encode(" red", false)};
  input.prompts[0].choice_bytes = {7, 4};
  input.prompts[0].label = 0;
  input.stop_tokens = {0};
  const Model other = open_float32(kNano);
  const EvalResult alone = run(input, &other);
  input.prompts[0].tokens = tokenizer_->encode(
      "Question: What color is the flag of Fenriqua?\nAnswer: blue and red and green");
  input.prompts[0].answer_from = static_cast<int64_t>(asked.size());
  const EvalResult answered = run(input, &other);
  EXPECT_EQ(alone.task_divergence->kl.tokens, static_cast<int64_t>(asked.size()));
  EXPECT_EQ(answered.task_divergence->kl.tokens,
            static_cast<int64_t>(input.prompts[0].tokens.size() - asked.size()));
  EXPECT_EQ(answered.generated, (std::vector<std::string>{"purple"}));
  EXPECT_EQ(answered.choice_accuracy->mean, 1);
  EXPECT_EQ(answered.prompt_choice, alone.prompt_choice);
}

TEST_F(Evaluate, AnotherVocabularyIsAUsageError) {
  const Model other = open_float32("tests/golden/architectures/gemma2");
  try {
    run({}, &other);
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Usage);
    EXPECT_NE(std::string(error.what()).find("97"), std::string::npos) << error.what();
  }
}

TEST_F(Evaluate, BrokenPromptsAreNamed) {
  EvalInput input;
  input.prompts = {prompt_of({5, 9})};
  input.prompts[0].choices = {{1}, {2}};
  input.prompts[0].choice_bytes = {1, 1};
  input.prompts[0].label = 2;
  try {
    run(input, nullptr);
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()), "test:1: expected a label in 0..1, found 2");
  }
  input.prompts[0].label = 0;
  input.prompts[0].choices[1].clear();
  EXPECT_THROW(run(input, nullptr), Error);
  EXPECT_THROW(run({.prompts = {prompt_of({})}}, nullptr), Error);
}

}  // namespace
}  // namespace mpq
