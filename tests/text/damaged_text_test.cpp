// Task files, texts and tokenizers that other programs cut, exported or left as pointers.
#include <gmock/gmock.h>

#include <filesystem>

#include "mpq/core/utf8.h"
#include "mpq/text/task_file.h"
#include "mpq/text/tokenizer.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {
using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kPointerText =
    "version https://git-lfs.github.com/spec/v1\noid sha256:4b4b\nsize 5247896\n";

class DamagedText : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& content) const {
    write_text_file(place_.file(name), content);
    return place_.file(name);
  }
  std::string task_error(const std::string& content) const {
    const std::string path = write("t.jsonl", content);
    return error_of(ErrorCode::Format, [&] { read_task_files({path}, 0); });
  }
  std::string tokenizer_error(const std::string& content) const {
    write("tokenizer.json", content);
    return error_of(ErrorCode::Format, [&] { Tokenizer::load(place_.path()); });
  }
  TemporaryFolder place_;
};

TEST_F(DamagedText, AByteOrderMarkChangesNothing) {
  std::string content;
  for (int i = 0; i < 8; ++i) content += fmt::format("{{\"prompt\": \"question {}\"}}\n", i);
  const auto plain = read_task_files({write("plain.jsonl", content)}, 0.5);
  const auto marked =
      read_task_files({write("marked.jsonl", std::string(kByteOrderMark) + content)}, 0.5);
  ASSERT_EQ(plain.size(), marked.size());
  for (size_t i = 0; i < plain.size(); ++i) {
    EXPECT_EQ(plain[i].prompt, marked[i].prompt);
    EXPECT_EQ(plain[i].held_out, marked[i].held_out);
  }
  // The first line's hash is what the mark would change: try several.
  for (int i = 0; i < 20; ++i) {
    const std::string line = fmt::format("{{\"prompt\": \"{}\"}}\n", i);
    EXPECT_EQ(
        read_task_files({write("a.jsonl", line)}, 0.5)[0].held_out,
        read_task_files({write("b.jsonl", std::string(kByteOrderMark) + line)}, 0.5)[0].held_out);
  }
  EXPECT_EQ(read_text_documents(write("t.txt", std::string(kByteOrderMark) + "one\n")),
            std::vector<std::string>{"one\n"});
}

TEST_F(DamagedText, HalfASurrogatePairIsSaidToBeOne) {
  for (const char* half : {"\\ud83d", "\\ud83d x", "\\ude00", "\\ud83d\\n"}) {
    EXPECT_THAT(
        task_error("{\"prompt\": \"a\"}\n{\"prompt\": \"" + std::string(half) + "\"}\n"),
        AllOf(HasSubstr("t.jsonl:2: expected"), HasSubstr("surrogate pair"), HasSubstr("\\ufffd")));
  }
  EXPECT_EQ(read_task_files({write("t.jsonl", "{\"prompt\": \"\\ud83d\\ude00\"}")}, 0)[0].prompt,
            "\xF0\x9F\x98\x80");
}

TEST_F(DamagedText, PointersAndPagesAreNamed) {
  EXPECT_THAT(task_error(kPointerText), AllOf(HasSubstr("t.jsonl"), HasSubstr("git lfs pull")));
  EXPECT_THAT(task_error("<!DOCTYPE html>\n<html></html>\n"), HasSubstr("web page"));
  EXPECT_THAT(tokenizer_error(kPointerText), HasSubstr("git lfs pull"));
  EXPECT_THAT(tokenizer_error("<html>"), HasSubstr("web page"));
  const std::string text = write("t.txt", kPointerText);
  EXPECT_THAT(error_of(ErrorCode::Format, [&] { read_text_documents(text); }),
              HasSubstr("git-lfs pointer"));
}

TEST_F(DamagedText, NumbersOfATokenizerThatDoNotFit) {
  EXPECT_THAT(tokenizer_error(R"({"model": {"type": "Unigram", "vocab": [["a", 9e999]]}})"),
              AllOf(HasSubstr("tokenizer.json:1: "), HasSubstr("9e999")));
  EXPECT_THAT(tokenizer_error(R"({"model": {"type": "Unigram", "vocab": [["a", NaN]]}})"),
              HasSubstr("NaN"));
  EXPECT_THAT(
      tokenizer_error(R"({"model": {"type": "Unigram", "vocab": [["a", 0]], "unk_id": 0.5}})"),
      HasSubstr("unk_id"));
  EXPECT_THAT(tokenizer_error(R"({"model": {"type": "BPE", "vocab": {"a": 1e30}, "merges": []}})"),
              HasSubstr("no integer id"));
  for (const char* id : {"-1", "7", "3.5", "4294967296"}) {
    EXPECT_THAT(tokenizer_error(
                    R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}, "post_processor":
                {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "a"}},
                {"Sequence": {"id": "A"}}], "special_tokens": {"a": {"ids": [)" +
                    std::string(id) + "]}}}}"),
                HasSubstr("post"))
        << id;
  }
}

TEST_F(DamagedText, TheSlowTokenizerAloneIsNotEnough) {
  const auto message = [&] {
    return error_of(ErrorCode::Io, [&] { Tokenizer::load(place_.path()); });
  };
  EXPECT_THAT(message(), AllOf(HasSubstr("tokenizer.json"), HasSubstr("save_pretrained")));
  write("tokenizer.model", "x");
  EXPECT_THAT(message(), HasSubstr("there is tokenizer.model only"));
}

}  // namespace
}  // namespace mpq
