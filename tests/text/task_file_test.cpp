// Task files: what a line may be, errors with their place, and a holdout that does not depend on
// the run.
#include "mpq/text/task_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "golden.h"
#include "mpq/core/error.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {

class TaskFile : public testing::Test {
 protected:
  ~TaskFile() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& content) {
    write_scratch(folder_, "task.jsonl", content);
    return folder_ + "/task.jsonl";
  }
  std::string folder_ = scratch_folder();
};

TEST_F(TaskFile, ReadsEveryKindOfLine) {
  const auto prompts =
      read_task_files({write("{\"prompt\": \"a\", \"id\": 7}\n\n  \r\n"
                             "{\"prompt\": \"b\", \"answers\": [\"x\", \"y\"]}\r\n"
                             "{\"prompt\": \"c\", \"answer\": \"z\"}\n"
                             "{\"prompt\": \"d\", \"choices\": [\"p\", \"q\"], \"label\": 1}\n"
                             "{\"messages\": [{\"role\": \"user\", \"content\": \"\u00fc\"}]}")},
                      0);
  ASSERT_EQ(prompts.size(), 5u);
  EXPECT_EQ(prompts[0].prompt, "a");
  EXPECT_EQ(prompts[1].source, folder_ + "/task.jsonl:4");
  EXPECT_EQ(prompts[1].answers, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(prompts[2].answers, (std::vector<std::string>{"z"}));
  EXPECT_EQ(prompts[3].choices.size(), 2u);
  EXPECT_EQ(prompts[3].label, 1);
  EXPECT_TRUE(prompts[3].messages.is_null());
  EXPECT_EQ(prompts[4].messages.size(), 1u);
  for (const auto& prompt : prompts) EXPECT_FALSE(prompt.held_out);
}

TEST_F(TaskFile, BrokenLinesNameTheirPlace) {
  for (const char* line :
       {"{", "3", "[]", "{}", "{\"prompt\": 3}", "{\"prompt\": \"a\", \"messages\": []}",
        "{\"messages\": []}", "{\"messages\": [{\"content\": \"x\"}]}", "{\"messages\": [1]}",
        "{\"messages\": [{\"role\": \"user\", \"content\": 3}]}",
        "{\"prompt\": \"a\", \"answers\": \"x\"}", "{\"prompt\": \"a\", \"answers\": [1]}",
        "{\"prompt\": \"a\", \"choices\": [\"x\"]}", "{\"prompt\": \"a\", \"answer\": 2}",
        "{\"prompt\": \"a\", \"choices\": [\"x\"], \"label\": 1}",
        "{\"prompt\": \"a\", \"choices\": [\"x\"], \"label\": -1}",
        "{\"prompt\": \"a\", \"choices\": [\"x\"], \"label\": 0.5}",
        "{\"prompt\": \"a\", \"choices\": [\"x\"], \"label\": 0, \"answers\": [\"x\"]}",
        "{\"prompt\": \"\xFF\"}"}) {
    const std::string path = write(std::string("{\"prompt\": \"fine\"}\n") + line + "\n");
    try {
      read_task_files({path}, 0);
      FAIL() << line;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::Format);
      EXPECT_THAT(error.what(), testing::StartsWith(path + ":2: expected"));
      EXPECT_THAT(error.what(), testing::HasSubstr("found"));
    }
  }
}

TEST_F(TaskFile, HoldoutIsAStableShare) {
  std::string content;
  for (int i = 0; i < 2000; ++i)
    content += "{\"prompt\": \"question " + std::to_string(i) + "\"}\n";
  const std::string path = write(content);
  const auto quarter = read_task_files({path}, 0.25), again = read_task_files({path}, 0.25),
             half = read_task_files({path}, 0.5);
  int held = 0;
  for (size_t i = 0; i < quarter.size(); ++i) {
    held += quarter[i].held_out;
    EXPECT_EQ(quarter[i].held_out, again[i].held_out);
    EXPECT_LE(quarter[i].held_out, half[i].held_out);  // a greater share holds the smaller one
  }
  EXPECT_NEAR(held, 500, 60);
  for (const auto& prompt : read_task_files({path}, 1)) EXPECT_TRUE(prompt.held_out);
  EXPECT_THROW(read_task_files({path}, 1.5), Error);
}

TEST_F(TaskFile, ReadsTheShippedTasks) {
  const std::string tasks = source_path("data/nano-llama/tasks/");
  const auto prompts =
      read_task_files({tasks + "facts.eval.jsonl", tasks + "sort.eval.jsonl"}, 0.25);
  EXPECT_GT(prompts.size(), 100u);
  for (const auto& prompt : prompts) EXPECT_EQ(prompt.answers.size(), 1u);
}

TEST_F(TaskFile, DocumentsAreCutAtEndOfText) {
  const auto documents = [&](const std::string& content) {
    write_scratch(folder_, "text.txt", content);
    return read_text_documents(folder_ + "/text.txt");
  };
  using Documents = std::vector<std::string>;
  EXPECT_EQ(documents("one\ntwo\n"), (Documents{"one\ntwo\n"}));
  EXPECT_EQ(documents("one\ntwo\n<|endoftext|>\nthree\n<|endoftext|>"),
            (Documents{"one\ntwo", "three"}));
  EXPECT_EQ(documents("one\r\n<|endoftext|>\r\n\n<|endoftext|>\nx<|endoftext|>y"),
            (Documents{"one\r", "x<|endoftext|>y"}));
  EXPECT_EQ(documents(""), Documents{});
  EXPECT_THROW(documents("a\xC3"), Error);
  EXPECT_THROW(documents(std::string("a\0b", 3)), Error);
}

}  // namespace
}  // namespace mpq
