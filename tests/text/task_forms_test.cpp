// Every form in which people keep prompts, how records are told apart, and what each error says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mpq/text/task_file.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Texts = std::vector<std::string>;

class TaskForms : public testing::Test {
 protected:
  TaskPrompt read(const std::string& line, const TaskFields& fields = {}) const {
    const std::string path = write(line);
    const auto prompts = read_task_files({path}, 0, fields);
    EXPECT_EQ(prompts.size(), 1U) << line;
    return prompts.empty() ? TaskPrompt() : prompts[0];
  }
  std::string error(const std::string& line, const TaskFields& fields = {}) const {
    const std::string path =
        write("{\"prompt\": \"fine\", \"q\": \"fine\", \"a\": \"x\"}\n" + line);
    const std::string message =
        error_of(ErrorCode::Format, [&] { read_task_files({path}, 0, fields); });
    EXPECT_THAT(message, testing::StartsWith(path + ":2: expected")) << line;
    EXPECT_THAT(message, HasSubstr(", found ")) << line;
    return message;
  }
  std::string write(const std::string& content) const {
    write_text_file(place_.file("task.jsonl"), content);
    return place_.file("task.jsonl");
  }
  TemporaryFolder place_;
};

TEST_F(TaskForms, ShareGptIsAChat) {
  const TaskPrompt prompt = read(
      R"({"id": "x", "conversations": [{"from": "system", "value": "s"}, {"from": "human", "value": "h"},
          {"from": "gpt", "value": "g", "weight": 1}, {"from": "tool", "value": "t"}]})");
  EXPECT_EQ(prompt.prompt, "");
  EXPECT_EQ(prompt.messages, Json::parse(R"([{"role": "system", "content": "s"},
      {"role": "user", "content": "h"}, {"role": "assistant", "content": "g"},
      {"role": "tool", "content": "t"}])"));
  EXPECT_TRUE(prompt.answers.empty());
  for (const auto& [from, role] :
       std::vector<std::pair<std::string, std::string>>{{"user", "user"},
                                                        {"assistant", "assistant"},
                                                        {"chatgpt", "assistant"},
                                                        {"bing", "assistant"},
                                                        {"bard", "assistant"},
                                                        {"function", "tool"},
                                                        {"observation", "tool"},
                                                        {"function_call", "assistant"}}) {
    const Json line = {{"conversations", {{{"from", from}, {"value", "x"}}}}};
    EXPECT_EQ(read(line.dump()).messages[0]["role"], role);
  }
  // Some call messages conversations.
  EXPECT_EQ(read(R"({"conversations": [{"role": "user", "content": "h"}]})").messages[0]["content"],
            "h");
}

TEST_F(TaskForms, BrokenConversationsAreNamed) {
  EXPECT_THAT(error(R"({"conversations": [{"from": "narrator", "value": "x"}]})"),
              AllOf(HasSubstr("human"), HasSubstr("a message from \"narrator\"")));
  EXPECT_THAT(error(R"({"conversations": [{"from": "human", "value": 3}]})"),
              HasSubstr("\"from\" or \"value\" is no text"));
  EXPECT_THAT(error(R"({"conversations": [{"from": "human"}]})"), HasSubstr("is no text"));
  EXPECT_THAT(error(R"({"conversations": []})"), HasSubstr("an empty one"));
  EXPECT_THAT(error(R"({"conversations": "x"})"), HasSubstr("list of messages"));
}

TEST_F(TaskForms, ChatsHaveToolsAndASystemOfTheirOwn) {
  const std::string schema = R"([{"type": "function", "function": {"name": "f"}}])";
  const std::string turn = R"("conversations": [{"from": "human", "value": "h"}])";
  EXPECT_EQ(read("{" + turn + R"(, "tools": )" + schema + "}").tools, Json::parse(schema));
  EXPECT_EQ(read("{" + turn + R"(, "tools": )" + Json(schema).dump() + "}").tools,
            Json::parse(schema));
  EXPECT_TRUE(read("{" + turn + R"(, "tools": []})").tools.is_null());
  const TaskPrompt prompt = read("{" + turn + R"(, "system": "s"})");
  EXPECT_EQ(prompt.messages, Json::parse(R"([{"role": "system", "content": "s"},
      {"role": "user", "content": "h"}])"));
  EXPECT_TRUE(prompt.tools.is_null());
  EXPECT_EQ(read("{" + turn + R"(, "system": ""})").messages.size(), 1U);
  EXPECT_THAT(error("{" + turn + R"(, "tools": {"a": 1}})"), HasSubstr("\"tools\""));
  EXPECT_THAT(error("{" + turn + R"(, "tools": [1]})"), HasSubstr("\"tools\""));
  EXPECT_THAT(error("{" + turn + R"(, "tools": "[1"})"), HasSubstr("\"tools\""));
  EXPECT_THAT(error("{" + turn + R"(, "system": 1})"), HasSubstr("\"system\""));
}

TEST_F(TaskForms, CompletionsAreAnswers) {
  const TaskPrompt plain = read(R"({"prompt": "The sky is", "completion": " blue."})");
  EXPECT_EQ(plain.prompt, "The sky is");
  EXPECT_EQ(plain.answers, Texts{" blue."});
  const TaskPrompt chat = read(
      R"({"prompt": [{"role": "user", "content": "The sky?"}],
          "completion": [{"role": "assistant", "content": "Blue."}]})");
  EXPECT_EQ(chat.prompt, "");
  EXPECT_EQ(chat.messages, Json::parse(R"([{"role": "user", "content": "The sky?"}])"));
  EXPECT_EQ(chat.answers, Texts{"Blue."});
  EXPECT_EQ(read(R"({"prompt": "a", "completion": "c", "answers": ["x", "y"]})").answers,
            (Texts{"x", "y"}));
  EXPECT_TRUE(read(R"({"prompt": "a", "completion": ""})").answers.empty());
  EXPECT_TRUE(read(R"({"prompt": "a", "completion": null, "messages": null})").answers.empty());
  const std::string turn = R"({"role": "assistant", "content": "b"})";
  EXPECT_THAT(error(R"({"prompt": "a", "completion": [)" + turn + ", " + turn + "]}"),
              HasSubstr("2 messages"));
  EXPECT_THAT(error(R"({"prompt": "a", "completion": [{"role": "assistant"}]})"),
              HasSubstr("one without text"));
  EXPECT_THAT(error(R"({"prompt": "a", "completion": 3})"), HasSubstr("\"completion\""));
}

TEST_F(TaskForms, AlpacaJoinsInstructionAndInput) {
  const TaskPrompt whole =
      read(R"({"instruction": "Add.", "input": "1, 2", "output": "3", "text": "Below is ..."})");
  EXPECT_EQ(whole.prompt, "Add.\n\n1, 2");
  EXPECT_EQ(whole.answers, Texts{"3"});
  EXPECT_EQ(read(R"({"instruction": "Hi.", "input": "", "output": "Hello."})").prompt, "Hi.");
  EXPECT_EQ(read(R"({"instruction": "Hi.", "output": "Hello."})").prompt, "Hi.");
  EXPECT_TRUE(read(R"({"instruction": "Hi.", "output": ""})").answers.empty());
  EXPECT_THAT(error(R"({"instruction": 1, "output": "x"})"), HasSubstr("\"instruction\""));
  EXPECT_THAT(error(R"({"instruction": "a", "input": [], "output": "x"})"), HasSubstr("\"input\""));
  EXPECT_THAT(error(R"({"instruction": "a", "output": 7})"), HasSubstr("\"output\""));
}

TEST_F(TaskForms, QuestionsComeWithContextsAndAnswers) {
  EXPECT_EQ(read(R"({"question": "Who?", "answer": "Ann"})").answers, Texts{"Ann"});
  EXPECT_EQ(read(R"({"question": "Who?", "answers": ["Ann", "Anne"]})").answers,
            (Texts{"Ann", "Anne"}));
  const TaskPrompt squad = read(
      R"({"id": "5", "title": "T", "context": "Ann came.", "question": "Who came?",
          "answers": {"text": ["Ann", "Ann"], "answer_start": [0, 0]}})");
  EXPECT_EQ(squad.prompt, "Ann came.\n\nWho came?");
  EXPECT_EQ(squad.answers, (Texts{"Ann", "Ann"}));
  // SQuAD 2 has questions without an answer.
  EXPECT_TRUE(
      read(R"({"question": "Q", "answers": {"text": [], "answer_start": []}})").answers.empty());
  EXPECT_THAT(error(R"({"question": "Q", "answers": {"text": [3]}})"), HasSubstr("answers.text"));
  EXPECT_THAT(error(R"({"question": "Q", "context": {"title": []}})"), HasSubstr("\"context\""));
}

TEST_F(TaskForms, TextStandsForItselfWhereNothingElseDoes) {
  EXPECT_EQ(read(R"({"text": "A document.", "meta": {"url": "x"}})").prompt, "A document.");
  EXPECT_EQ(read(R"({"text": "whole", "prompt": "p"})").prompt, "p");
  EXPECT_THAT(error(R"({"text": ["a"]})"), HasSubstr("\"text\""));
}

TEST_F(TaskForms, ChoicesAreCountedNamedOrWritten) {
  const auto label = [&](const std::string& rest) {
    return read(R"({"question": "Q", )" + rest + "}").label;
  };
  EXPECT_EQ(label(R"("choices": ["p", "q", "r"], "answer": 2)"), 2);    // MMLU
  EXPECT_EQ(label(R"("choices": ["p", "q", "r"], "answer": "B")"), 1);  // its CSV files
  EXPECT_EQ(label(R"("choices": ["p", "q", "r"], "label": "r")"), 2);
  EXPECT_EQ(label(R"("choices": ["p", "q", "r"], "label": "1")"), 1);  // HellaSwag
  EXPECT_EQ(label(R"("choices": ["p", "q"], "label": 1, "answer": "q")"), 1);
  const std::string arc = R"("choices": {"text": ["x", "y"], "label": )";
  EXPECT_EQ(label(arc + R"(["A", "B"]}, "answerKey": "B")"), 1);
  EXPECT_EQ(label(arc + R"(["1", "2"]}, "answerKey": "1")"), 0);
  EXPECT_EQ(read(R"({"question": "Q", "answerKey": "B", "choices": {"text": ["x", "y"],
                     "label": ["A", "B"]}})")
                .choices,
            (Texts{"x", "y"}));
}

TEST_F(TaskForms, LabelsThatSayNothingOrTwoThings) {
  const auto wrong = [&](const std::string& rest) {
    return error(R"({"question": "Q", )" + rest + "}");
  };
  EXPECT_THAT(wrong(R"("choices": ["p", "q"], "label": "C")"), HasSubstr("\"C\" for 2 choices"));
  EXPECT_THAT(wrong(R"("choices": ["B", "A"], "label": "A")"), HasSubstr("more than one"));
  EXPECT_THAT(wrong(R"("choices": ["1", "2", "3"], "label": "1")"), HasSubstr("more than one"));
  EXPECT_THAT(wrong(R"("choices": ["p", "q"], "label": 0, "answer": "q")"),
              HasSubstr("contradict"));
  EXPECT_THAT(wrong(R"("choices": ["p", "q"])"), HasSubstr("--answer-field"));
  EXPECT_THAT(wrong(R"("choices": {"texts": ["p"]}, "label": 0)"), HasSubstr("\"texts\""));
  EXPECT_THAT(wrong(R"("choices": {"text": ["p", "q"], "label": ["A"]}, "answerKey": "A")"),
              HasSubstr("found 1 and 2"));
  EXPECT_THAT(wrong(R"("choices": ["p", "q"], "label": true)"), HasSubstr("true"));
  EXPECT_THAT(wrong(R"("choices": ["p", "q"], "label": [0])"), HasSubstr("the label array"));
}

TEST_F(TaskForms, OptionsNameAnyField) {
  const TaskPrompt named =
      read(R"({"problem": "P", "solution": "S", "prompt": "p", "answer": "a"})",
           {.prompt = "problem", .answer = "solution"});
  EXPECT_EQ(named.prompt, "P");
  EXPECT_EQ(named.answers, Texts{"S"});
  EXPECT_EQ(read(R"({"problem": "P", "answer": "a"})", {.prompt = "problem"}).answers, Texts{"a"});
  EXPECT_EQ(read(R"({"chat": [{"from": "human", "value": "h"}]})", {.prompt = "chat"})
                .messages[0]["role"],
            "user");
  const TaskPrompt swag = read(R"({"ctx": "C", "endings": ["x", "y"], "label": "1"})",
                               {.prompt = "ctx", .choices = "endings"});
  EXPECT_EQ(swag.choices, (Texts{"x", "y"}));
  EXPECT_EQ(swag.label, 1);
  const TaskPrompt stem = read(
      R"({"question_stem": "C", "choices": {"text": ["x", "y"], "label": ["A", "B"]}, "key": "B"})",
      {.prompt = "question_stem", .answer = "key"});
  EXPECT_EQ(stem.label, 1);
  EXPECT_EQ(read(R"({"question": "Q", "gold": ["u", "v"]})", {.answer = "gold"}).answers,
            (Texts{"u", "v"}));
  // What a name settles: which of two counts, and that the context is not wanted.
  EXPECT_EQ(read(R"({"prompt": "p", "messages": [{"role": "user", "content": "m"}]})",
                 {.prompt = "prompt"})
                .prompt,
            "p");
  EXPECT_EQ(read(R"({"context": "c", "question": "q"})", {.prompt = "question"}).prompt, "q");
}

TEST_F(TaskForms, ANamedFieldMustBeThere) {
  EXPECT_THAT(error(R"({"p": "x"})", {.prompt = "q"}),
              AllOf(HasSubstr("--prompt-field"), HasSubstr("an object with \"p\"")));
  EXPECT_THAT(error(R"({"prompt": "x", "a": null})", {.answer = "a"}),
              HasSubstr("\"a\", as --answer-field names it"));
  EXPECT_THAT(error(R"({"q": 7})", {.prompt = "q"}), HasSubstr("\"q\" that is not a string"));
  const std::string path = write(R"({"prompt": "x"})");
  EXPECT_THAT(
      error_of(ErrorCode::Format, [&] { read_task_files({path}, 0, {.choices = "endings"}); }),
      HasSubstr("--choices-field"));
}

TEST_F(TaskForms, ARecordOfNoFormOrOfTwoSaysSo) {
  EXPECT_THAT(error(R"({"query": "x", "response": "y"})"),
              AllOf(HasSubstr("{\"question\": \"...\"}"), HasSubstr("--prompt-field"),
                    HasSubstr(R"(found an object with "query", "response")")));
  EXPECT_THAT(error("{}"), HasSubstr("an empty object"));
  EXPECT_THAT(
      error(R"({"question": "x", "instruction": "y"})"),
      AllOf(HasSubstr(R"(both "instruction" and "question")"), HasSubstr("--prompt-field")));
  Json many = Json::object();
  for (int i = 0; i < 40; ++i) many["f" + std::to_string(i)] = i;
  EXPECT_THAT(error(many.dump()), AllOf(HasSubstr("\"f11\" and 28 more"), Not(HasSubstr("f12"))));
}

TEST_F(TaskForms, FieldsComeBackFromJson) {
  const TaskFields fields{"a", "b", "c"};
  EXPECT_EQ(task_fields_from_json(to_json(fields), "x"), fields);
  EXPECT_EQ(task_fields_from_json(Json(), "x"), TaskFields());
  EXPECT_THROW(task_fields_from_json({{"prompt", 3}}, "x"), Error);
}

}  // namespace
}  // namespace mpq
