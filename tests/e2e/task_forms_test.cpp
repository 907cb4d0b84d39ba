// Task files as other programs write them, through the commands, and what `tokenize --show` prints.
#include <gmock/gmock.h>

#include <algorithm>

#include "mpq/core/json_file.h"
#include "tests/e2e/program.h"

namespace mpq {
namespace {
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kTemplate =
    "{% for m in messages %}{{ bos_token }}{{ m.role }}: {{ m.content }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}{{ bos_token }}assistant:{% endif %}";

class TaskFormsOfCommands : public testing::Test {
 protected:
  TaskFormsOfCommands() {
    copy_model(model_);
    write("model/chat_template.jinja", kTemplate);
  }
  std::string write(const std::string& name, const std::string& content) const {
    write_text_file(folder_.file(name), content);
    return folder_.file(name);
  }
  /// The result of a command; null where it fails.
  Json calibrate(const std::string& task, const std::string& work,
                 const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"calibrate",
                                          "--model",
                                          model_,
                                          "--task",
                                          task,
                                          "--holdout",
                                          "0",
                                          "--text-windows",
                                          "4",
                                          "--text-window-tokens",
                                          "64",
                                          "--work",
                                          folder_.file(work)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_json(arguments);
  }
  Json tokens_of(const std::string& work) const {
    const Json prompts = read_json_file(folder_.file(work) + "/calib/prompts.json");
    Json all = Json::array();
    for (const Json& prompt : prompts.at("task")) all.push_back(prompt.at("tokens"));
    EXPECT_FALSE(all.empty());
    return all;
  }
  ProgramResult show(const std::string& task, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"tokenize", "--model", model_,   "--task",
                                          task,       "--show",  "--quiet"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    ProgramResult result = run_mpq(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return result;
  }

  TemporaryFolder folder_;
  std::string model_ = folder_.file("model");
};

TEST_F(TaskFormsOfCommands, ShareGptIsCalibratedOnAsMessagesAre) {
  Json shared = Json::array();
  std::string lines;
  for (int i = 0; i < 4; ++i) {
    const std::string text = "Once upon a time there were " + std::to_string(i) + " girls";
    shared.push_back(
        {{"conversations",
          {{{"from", "human"}, {"value", text}}, {{"from", "gpt"}, {"value", "Yes"}}}}});
    const Json messages = {
        {"messages",
         {{{"role", "user"}, {"content", text}}, {{"role", "assistant"}, {"content", "Yes"}}}}};
    lines += messages.dump() + "\n";
  }
  EXPECT_EQ(calibrate(write("shared.json", shared.dump(2)), "a").at("prompts"), 4);
  EXPECT_EQ(calibrate(write("messages.jsonl", lines), "b").at("prompts"), 4);
  EXPECT_EQ(tokens_of("a"), tokens_of("b"));
}

TEST_F(TaskFormsOfCommands, AnotherFieldIsAnotherCalibration) {
  std::string lines;
  for (int i = 0; i < 4; ++i) {
    lines += R"({"prompt": "Once upon a time there was a dog", "story": "The cat saw the )" +
             std::to_string(i) + R"( big trees"})" + "\n";
  }
  const std::string task = write("task.jsonl", lines);
  EXPECT_FALSE(calibrate(task, "work").contains("skipped"));
  const Json first = tokens_of("work");
  EXPECT_TRUE(calibrate(task, "work").contains("skipped"));
  EXPECT_FALSE(calibrate(task, "work", {"--prompt-field", "story"}).contains("skipped"));
  EXPECT_NE(tokens_of("work"), first);
  EXPECT_EQ(
      read_json_file(folder_.file("work") + "/calib/manifest.json").at("task_fields").at("prompt"),
      "story");
  const Json shown =
      run_json({"tokenize", "--model", model_, "--task", task, "--prompt-field", "story"});
  EXPECT_EQ(shown, tokens_of("work"));
}

TEST_F(TaskFormsOfCommands, ShowPrintsWhatTheModelReads) {
  const std::string task =
      write("task.jsonl",
            "{\"messages\": [{\"role\": \"user\", \"content\": \"Say \xE4\xB8\xAD\\u001b[31m\"}]}\n"
            "{\"question\": \"Who ran?\", \"answers\": [\"Lily\", \"Lucy\"]}\n"
            "{\"question\": \"Who sat?\", \"choices\": [\"Tom\", \"Ben\"], \"answer\": \"B\"}\n");
  const std::string text = show(task).out;
  EXPECT_THAT(text, AllOf(HasSubstr("=== " + task + ":1: "), HasSubstr(" tokens, "),
                          HasSubstr("user: Say \xE4\xB8\xAD\\x1b[31m</s>"),
                          HasSubstr("assistant:\n"), HasSubstr("<s> Who ran?\n")));
  EXPECT_THAT(text, AllOf(HasSubstr("--- answer (not read; compared with what is generated): Lily"),
                          HasSubstr("generated): Lucy"), HasSubstr("--- wrong choice"),
                          HasSubstr("--- right choice"), HasSubstr(":  Ben\n")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));  // no terminal
  EXPECT_EQ(text.find('\xEF'), std::string::npos);
  EXPECT_THAT(show(task, {"--holdout", "1"}).out, Not(HasSubstr("to calibrate on")));
  EXPECT_THAT(show(task, {"--holdout", "0"}).out, Not(HasSubstr("held out")));
  EXPECT_THAT(show(task, {"--limit", "1"}).out, Not(HasSubstr("Who ran?")));
}

TEST_F(TaskFormsOfCommands, ShowAsJsonHasThePieces) {
  const std::string task = write("task.jsonl", R"({"prompt": "The cat", "choices": ["sat", "ran"],
      "label": 1})");
  const Json shown =
      run_json({"tokenize", "--model", model_, "--task", task, "--show", "--holdout", "1"});
  const Json ids = run_json({"tokenize", "--model", model_, "--task", task});
  ASSERT_EQ(shown.size(), 1U);
  const Json& prompt = shown[0];
  EXPECT_EQ(prompt.at("source"), task + ": record 1");
  EXPECT_EQ(prompt.at("held_out"), true);
  EXPECT_EQ(prompt.at("tokens"), ids[0].size());
  EXPECT_EQ(prompt.at("pieces")[0], Json::parse(R"({"ids": [1], "text": "<s>", "special": true})"));
  Json all = Json::array();
  std::string text;
  for (const Json& piece : prompt.at("pieces")) {
    for (const Json& id : piece.at("ids")) all.push_back(id);
    text += piece.at("text").get<std::string>();
  }
  EXPECT_EQ(all, ids[0]);
  EXPECT_EQ(text, "<s> The cat");
  EXPECT_EQ(prompt.at("choices").size(), 2U);
  EXPECT_EQ(prompt.at("choices")[1].at("right"), true);
}

TEST_F(TaskFormsOfCommands, AnswersAreReadWhereTheyAreScored) {
  std::string lines;
  for (int i = 0; i < 4; ++i) {
    lines += R"({"prompt": "The cat saw the )" + std::to_string(i) +
             R"( big trees and", "completion": "ran"})" + "\n";
  }
  const std::string task = write("task.jsonl", lines);
  const std::string config = write("config.json", R"({"score-on": "answers"})");
  calibrate(task, "work");
  const Json asked = tokens_of("work");
  EXPECT_FALSE(calibrate(task, "work", {"--score-on", "answers"}).contains("skipped"));
  EXPECT_TRUE(calibrate(task, "work", {"--config", config}).contains("skipped"));
  const std::string calib = folder_.file("work") + "/calib/";
  EXPECT_EQ(read_json_file(calib + "manifest.json").at("options").at("score_on"), "answers");
  const Json prompts = read_json_file(calib + "prompts.json").at("task");
  for (size_t i = 0; i < prompts.size(); ++i) {
    EXPECT_EQ(prompts[i].at("answer_from"), asked[i].size());
    EXPECT_GT(prompts[i].at("tokens").size(), asked[i].size());
  }
  EXPECT_EQ(run_json({"tokenize", "--model", model_, "--task", task, "--score-on", "answers"}),
            tokens_of("work"));
  const auto input_of_eval = [&](const std::string& score_on) {
    return run_json({"eval", "--model", model_, "--reference", model_, "--task", task, "--score-on",
                     score_on})["input_sha256"];
  };
  EXPECT_NE(input_of_eval("answers"), input_of_eval("all"));
}

TEST_F(TaskFormsOfCommands, ShowMarksWhereTheAnswerBegins) {
  const std::string task = write("task.jsonl",
                                 "{\"question\": \"Who ran?\", \"answers\": [\"Lily\", \"Lucy\"]}\n"
                                 "{\"messages\": [{\"role\": \"user\", \"content\": \"Who sat?\"}, "
                                 "{\"role\": \"assistant\", \"content\": \"Tom\"}]}\n");
  const std::string text = show(task, {"--score-on", "answers"}).out;
  EXPECT_THAT(text, AllOf(HasSubstr("<s> Who ran?[answer:] Lily\n"),
                          HasSubstr("assistant:[answer:] Tom</s>"),
                          HasSubstr("--- answer (compared with what is generated): Lucy")));
  EXPECT_THAT(show(task).out, Not(HasSubstr("[answer:]")));
}

TEST_F(TaskFormsOfCommands, WhatToScoreOnIsChecked) {
  const std::string task = write("task.jsonl", "{\"prompt\": \"The cat\"}\n");
  const auto refused = [&](const std::string& score_on) {
    const ProgramResult result =
        run_mpq({"calibrate", "--model", model_, "--task", task, "--holdout", "0", "--work",
                 folder_.file("work"), "--score-on", score_on, "--quiet"});
    EXPECT_EQ(result.status, 2);
    return result.err;
  };
  EXPECT_THAT(refused("answer"), HasSubstr("expected all or answers, found \"answer\""));
  EXPECT_THAT(refused("answers"), HasSubstr(task + ":1: the prompt has no answer; give"));
}

TEST_F(TaskFormsOfCommands, NothingIsLongerThanTheModelHasPositionsFor) {
  Json config = read_json_file(model_ + "/config.json");
  config["max_position_embeddings"] = 8;
  write_json_file(model_ + "/config.json", config);
  const std::string task =
      write("task.jsonl", R"({"prompt": "Once upon a time there was a dog who ran and ran"})");
  const ProgramResult result =
      run_mpq({"calibrate", "--model", model_, "--task", task, "--holdout", "0", "--text-windows",
               "4", "--text-window-tokens", "64", "--work", folder_.file("work"), "--quiet"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("8 positions (max_position_embeddings): sequences of 64"),
                                HasSubstr("1 of 1 prompts are longer than 8 tokens")));
  const Json prompts = read_json_file(folder_.file("work") + "/calib/prompts.json");
  EXPECT_EQ(tokens_of("work")[0].size(), 8U);
  EXPECT_FALSE(prompts.at("text").empty());
  for (const Json& window : prompts.at("text")) EXPECT_LE(window.size(), 8U);
}

TEST_F(TaskFormsOfCommands, NothingLongerIsMeasuredEither) {
  Json config = read_json_file(model_ + "/config.json");
  config["max_position_embeddings"] = 8;
  write_json_file(model_ + "/config.json", config);
  const std::string words = "Once upon a time there was a dog who ran and ran and ran";
  const std::string task = write("task.jsonl", "{\"prompt\": \"" + words + "\"}\n");
  const std::string text = write("text.txt", words + ". " + words + ".\n");
  const std::vector<std::string> eval = {"eval",   "--model", model_,   "--reference", model_,
                                         "--task", task,      "--text", text};
  const auto input_with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = eval;
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_json(arguments)["input_sha256"];
  };
  const Json input = input_with({});
  EXPECT_FALSE(input.is_null());
  EXPECT_EQ(input, input_with({"--max-prompt-tokens", "8", "--window", "8"}));
  EXPECT_NE(input, input_with({"--window", "4"}));
  const ProgramResult result = run_mpq(eval);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("1 of 1 prompts are longer than 8 tokens"));
}

TEST_F(TaskFormsOfCommands, ARecordOfNoFormNamesItsFields) {
  const std::string task = write("task.jsonl", "{\"query\": \"x\", \"reply\": \"y\"}\n");
  const ProgramResult result = run_mpq({"tokenize", "--model", model_, "--task", task, "--quiet"});
  EXPECT_EQ(result.status, 4);
  EXPECT_THAT(result.err, AllOf(HasSubstr(task + ":1: expected"), HasSubstr("--prompt-field"),
                                HasSubstr(R"("query", "reply")")));
}

}  // namespace
}  // namespace mpq
