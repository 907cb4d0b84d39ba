// Prompts that are read with their answers: what is read, and where the answer begins.
#include <gmock/gmock.h>

#include "mpq/calib/prompt_set.h"
#include "tests/support/byte_tokenizer.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {
using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kTemplate =
    "{% for m in messages %}<{{ m.role }}>{{ m.content }};{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}";

TaskPrompt question(const std::string& text, std::vector<std::string> answers) {
  TaskPrompt task;
  task.source = "t:1";
  task.prompt = text;
  task.answers = std::move(answers);
  return task;
}

TaskPrompt chat(const char* messages) {
  TaskPrompt task;
  task.source = "t:1";
  task.messages = Json::parse(messages);
  return task;
}

class AnsweredPrompts : public testing::Test {
 protected:
  AnsweredPrompts() { use_template(kTemplate); }
  void use_template(const std::string& source) const {
    write_text_file(folder_.file("chat_template.jinja"), source);
  }
  CalibrationPrompt read(const TaskPrompt& task, int64_t max_tokens = 512) const {
    const auto all =
        tokenize_prompts({task}, ByteTokenizer(), folder_.path(), max_tokens, "answers");
    return all.at(0);
  }
  /// What is read, the BOS as "^", and "|" where the answer begins.
  std::string shown(const TaskPrompt& task, int64_t max_tokens = 512) const {
    const CalibrationPrompt prompt = read(task, max_tokens);
    std::string text;
    for (size_t i = 0; i < prompt.tokens.size(); ++i) {
      if (static_cast<int64_t>(i) == prompt.answer_from) text += "|";
      text += prompt.tokens[i] == 1 ? '^' : static_cast<char>(prompt.tokens[i]);
    }
    return text;
  }
  void expect_no_answer(const TaskPrompt& task, int64_t max_tokens = 512) const {
    EXPECT_THAT(error_of(ErrorCode::Usage, [&] { read(task, max_tokens); }),
                AllOf(HasSubstr("--score-on answers: t:1: the prompt has no answer; give"),
                      HasSubstr("leave the option out")));
  }

  TemporaryFolder folder_;
};

TEST_F(AnsweredPrompts, TextIsFollowedByItsFirstAnswerAsChoicesAre) {
  EXPECT_EQ(shown(question("Q:", {"yes", "no"})), "^Q:| yes");
  EXPECT_EQ(shown(question("Q: ", {"yes"})), "^Q: |yes");
  EXPECT_EQ(shown(question("Q:", {"\nyes"})), "^Q:|\nyes");
  EXPECT_EQ(shown(question("", {"yes"})), "^|yes");
}

TEST_F(AnsweredPrompts, TheRightChoiceIsTheAnswer) {
  TaskPrompt task = question("Q:", {});
  task.choices = {"yes", "no"};
  task.label = 1;
  EXPECT_EQ(shown(task), "^Q:| no");
}

TEST_F(AnsweredPrompts, AnAssistantsLastMessageIsTheAnswer) {
  TaskPrompt task = chat(
      R"([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
          {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}])");
  const std::string expected = "<user>a;<assistant>b;<user>c;<assistant>|d;";
  EXPECT_EQ(shown(task), expected);
  task.answers = {"e"};  // what is generated is compared with it
  EXPECT_EQ(shown(task), expected);
}

TEST_F(AnsweredPrompts, AChatThatAsksIsAnsweredByTheAssistant) {
  TaskPrompt task = chat(R"([{"role": "user", "content": "a"}])");
  task.answers = {"b", "c"};
  EXPECT_EQ(shown(task), "<user>a;<assistant>|b;");
  task.answers.clear();
  task.choices = {"b", "c"};
  task.label = 1;
  EXPECT_EQ(shown(task), "<user>a;<assistant>|c;");
}

TEST_F(AnsweredPrompts, AnAnswerToNothingBeginsWithTheSequence) {
  const TaskPrompt task = chat(R"([{"role": "assistant", "content": "b"}])");
  EXPECT_EQ(shown(task), "<|assistant>b;");
}

TEST_F(AnsweredPrompts, WhatTheTemplateWritesAnewIsTheAnswers) {
  const TaskPrompt task =
      chat(R"([{"role": "user", "content": "ab"}, {"role": "assistant", "content": "c"}])");
  use_template(
      "{% for m in messages %}{{ m.content }}{{ '!' if loop.last else ';' }}{% endfor %}"
      "{% if add_generation_prompt %}>{% endif %}");
  EXPECT_EQ(shown(task), "ab|;c!");
  use_template("{{ messages | length }}{% for m in messages %}{{ m.content }};{% endfor %}");
  EXPECT_EQ(shown(task), "2|ab;c;");  // nothing predicts the first token
}

TEST_F(AnsweredPrompts, APromptWithoutAnAnswerIsNamed) {
  expect_no_answer(question("Q:", {}));
  expect_no_answer(question("Q:", {""}));
  expect_no_answer(chat(R"([{"role": "user", "content": "a"}])"));
  use_template(
      "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}");
  expect_no_answer(
      chat(R"([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}])"));
}

TEST_F(AnsweredPrompts, AnswersOutliveTheirPrompts) {
  const TaskPrompt task = question("abcdef", {"\nyes"});
  EXPECT_EQ(shown(task, 11), "^abcdef|\nyes");
  EXPECT_EQ(shown(task, 8), "^def|\nyes");
  EXPECT_EQ(shown(task, 5), "^|\nyes");
  EXPECT_EQ(shown(task, 3), "^|es");
  EXPECT_EQ(shown(task, 2), "^|s");
  expect_no_answer(task, 1);
}

TEST_F(AnsweredPrompts, AnswersOfChatsOutliveThemWithoutABos) {
  const TaskPrompt task =
      chat(R"([{"role": "user", "content": "a"}, {"role": "assistant", "content": "bcd"}])");
  EXPECT_EQ(shown(task, 6), "t>|bcd;");
  EXPECT_EQ(shown(task, 3), "c|d;");
}

TEST_F(AnsweredPrompts, BothPartsOfAPromptSetAreReadWithAnswers) {
  std::vector<TaskPrompt> tasks = {question("Q:", {"yes"}), question("R:", {"no"})};
  tasks[1].held_out = true;
  PromptOptions options;
  options.text_windows = 0;
  options.score_on = "answers";
  const PromptSet set = build_prompt_set(tasks, {}, ByteTokenizer(), folder_.path(), options);
  EXPECT_EQ(set.task.at(0).answer_from, 3);
  EXPECT_EQ(set.held_out.at(0).answer_from, 3);
  options.score_on = "all";
  const PromptSet all = build_prompt_set(tasks, {}, ByteTokenizer(), folder_.path(), options);
  EXPECT_EQ(all.task.at(0).answer_from, 0);
  EXPECT_EQ(all.held_out.at(0).tokens, (TokenSequence{1, 'R', ':'}));
}

}  // namespace
}  // namespace mpq
