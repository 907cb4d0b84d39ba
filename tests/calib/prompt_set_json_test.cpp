// prompts.json: what is kept of a prompt, and damage to where its answer begins.
#include <gmock/gmock.h>

#include "mpq/calib/prompt_set.h"
#include "tests/support/error_of.h"

namespace mpq {
namespace {
using testing::AllOf;
using testing::HasSubstr;

PromptSet one_of_each(int64_t answer_from) {
  TaskPrompt task;
  task.source = "t:1";
  task.prompt = "ab";
  task.answers = {"c"};
  PromptSet set;
  set.task = {{task, {1, 'a', 'b', 'c'}, answer_from}};
  task.held_out = true;
  set.held_out = {{task, {1, 'a', 'b', 'c'}, answer_from}};
  return set;
}

TEST(PromptSetJson, KeepsWhereTheAnswerBegins) {
  const Json json = to_json(one_of_each(3));
  EXPECT_EQ(json.at("task")[0].at("answer_from"), 3);
  const PromptSet read = prompt_set_from_json(json, "prompts.json");
  EXPECT_EQ(read.task.at(0).answer_from, 3);
  EXPECT_EQ(read.held_out.at(0).answer_from, 3);
  EXPECT_EQ(to_json(read), json);
}

TEST(PromptSetJson, SaysNothingOfAnswersThatAreNotRead) {
  const Json json = to_json(one_of_each(0));
  EXPECT_FALSE(json.at("task")[0].contains("answer_from"));
  EXPECT_EQ(prompt_set_from_json(json, "prompts.json").task.at(0).answer_from, 0);
}

TEST(PromptSetJson, AnAnswerBeginsWithinThePrompt) {
  for (const char* part : {"task", "held_out"}) {
    Json json = to_json(one_of_each(3));
    for (const char* value : {"-1", "4", "2.5", "\"2\"", "1e3"}) {
      json[part][0]["answer_from"] = Json::parse(value);
      EXPECT_THAT(error_of(ErrorCode::Format, [&] { prompt_set_from_json(json, "prompts.json"); }),
                  AllOf(HasSubstr("prompts.json: \"answer_from\""), HasSubstr("found")));
    }
    json[part][0]["answer_from"] = 4;
    EXPECT_THAT(error_of(ErrorCode::Format, [&] { prompt_set_from_json(json, "prompts.json"); }),
                HasSubstr("expected 0 to 3"));
  }
}

}  // namespace
}  // namespace mpq
