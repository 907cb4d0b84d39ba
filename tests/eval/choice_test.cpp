// Accuracy by log-likelihood, plain and per byte.
#include "src/eval/choice.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/error_of.h"

namespace mpq {
namespace {

EvalPrompt with_choices(std::vector<int64_t> bytes, int label) {
  EvalPrompt prompt;
  prompt.choices.assign(bytes.size(), {1});
  prompt.choice_bytes = std::move(bytes);
  prompt.label = label;
  return prompt;
}

TEST(ChoiceAccuracy, NormalisationCanChangeTheAnswer) {
  // -6 over 4 bytes beats -5 over 2; the second prompt has no choices; in the third, ties go to the
  // first.
  const std::vector<EvalPrompt> prompts{with_choices({2, 4}, 1), EvalPrompt{},
                                        with_choices({3, 3, 3}, 0)};
  const ChoiceAccuracy accuracy = choice_accuracy(prompts, {-5, -6, -1, -1, -2});
  ASSERT_TRUE(accuracy.plain && accuracy.normalized);
  EXPECT_DOUBLE_EQ(accuracy.plain->mean, 0.5);
  EXPECT_DOUBLE_EQ(accuracy.plain->stderr_, 0.5);  // sqrt(0.5) / sqrt(2)
  EXPECT_DOUBLE_EQ(accuracy.normalized->mean, 1);
  EXPECT_EQ(accuracy.plain->tokens, 2);
}

TEST(ChoiceAccuracy, NotANumberIsNotTheRightAnswer) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EvalPrompt prompt = with_choices({2, 4}, 0);
  prompt.source = "task.jsonl:3";
  const std::string message = error_of(ErrorCode::Numeric, [&] {
    choice_accuracy({prompt}, {nan, -6});
  });
  EXPECT_NE(message.find("task.jsonl:3"), std::string::npos) << message;
}

TEST(ChoiceAccuracy, NoChoicesIsNoFigure) {
  const ChoiceAccuracy accuracy = choice_accuracy({EvalPrompt{}}, {});
  EXPECT_FALSE(accuracy.plain.has_value());
  EXPECT_FALSE(accuracy.normalized.has_value());
}

}  // namespace
}  // namespace mpq
