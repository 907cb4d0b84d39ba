// What is measured of a prompt that was read with its answer.
#include "mpq/pipeline/eval_input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/byte_tokenizer.h"
#include "tests/support/error_of.h"

namespace mpq {
namespace {
using testing::HasSubstr;

CalibrationPrompt read_as(const std::string& score_on) {
  TaskPrompt task;
  task.source = "t:1";
  task.prompt = "Q:";
  task.choices = {"yes", "no"};
  task.label = 1;
  return tokenize_prompts({task}, ByteTokenizer(), "/nowhere", 64, score_on).at(0);
}

TEST(EvalInput, ChoicesFollowTheQuestionNotItsAnswer) {
  const EvalPrompt asked = eval_prompt(read_as("all"), ByteTokenizer());
  const EvalPrompt answered = eval_prompt(read_as("answers"), ByteTokenizer());
  EXPECT_EQ(asked.answer_from, 0);
  EXPECT_EQ(answered.answer_from, 3);
  EXPECT_EQ(answered.tokens, (TokenSequence{1, 'Q', ':', ' ', 'n', 'o'}));
  EXPECT_EQ(answered.choices, (std::vector<TokenSequence>{{' ', 'y', 'e', 's'}, {' ', 'n', 'o'}}));
  EXPECT_EQ(answered.choices, asked.choices);
}

TEST(EvalInput, CountsAreChecked) {
  const auto refused = [](int64_t EvalOptions::*count, int64_t value) {
    EvalOptions options;
    options.*count = value;
    return error_of(ErrorCode::Usage, [&] { file_prompts(options, "/nowhere", ByteTokenizer()); });
  };
  EXPECT_THAT(refused(&EvalOptions::max_tokens, 0), HasSubstr("--max-prompt-tokens"));
  EXPECT_THAT(refused(&EvalOptions::max_new_tokens, 0), HasSubstr("--max-new-tokens"));
  EXPECT_THAT(refused(&EvalOptions::window, 1), HasSubstr("--window"));
  EXPECT_THAT(refused(&EvalOptions::text_windows, -1), HasSubstr("--windows"));
  EXPECT_THAT(refused(&EvalOptions::limit, -1), HasSubstr("--limit"));
}

TEST(EvalInput, FiguresOfAnswersArePairedWithNoOthers) {
  EvalInput input;
  input.prompts = {eval_prompt(read_as("answers"), ByteTokenizer())};
  const std::string answers = input_hash(input);
  input.prompts[0].answer_from = 0;
  EXPECT_NE(input_hash(input), answers);
}

}  // namespace
}  // namespace mpq
