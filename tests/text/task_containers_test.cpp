// What records may lie in: lines, arrays, objects and gzip files; the same record is held out in
// all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "mpq/core/utf8.h"
#include "mpq/text/task_file.h"
#include "src/text/gunzip.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {
using testing::AllOf;
using testing::HasSubstr;

constexpr uint64_t kMost = 1 << 20;

std::string gzipped(const std::string& content) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string input = content;
  std::string result(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  result.resize(stream.total_out);
  deflateEnd(&stream);
  return result;
}

class TaskContainers : public testing::Test {
 protected:
  std::vector<TaskPrompt> read(const std::string& content, double holdout = 0) const {
    write_text_file(path_, content);
    return read_task_files({path_}, holdout);
  }
  std::string error(const std::string& content) const {
    write_text_file(path_, content);
    return error_of(ErrorCode::Format, [&] { read_task_files({path_}, 0); });
  }
  TemporaryFolder place_;
  std::string path_ = place_.file("task.json");
};

/// Prompts and whether they are held out.
std::vector<std::pair<std::string, bool>> facts(const std::vector<TaskPrompt>& prompts) {
  std::vector<std::pair<std::string, bool>> all;
  for (const auto& prompt : prompts) all.emplace_back(prompt.prompt, prompt.held_out);
  return all;
}

TEST_F(TaskContainers, TheSameRecordsAreHeldOutInAll) {
  Json records = Json::array();
  std::string lines, windows_lines;
  for (int i = 0; i < 40; ++i) {
    records.push_back({{"prompt", "question " + std::to_string(i)}, {"answer", "\xC3\xBC"}});
    lines += records.back().dump() + "\n";
    windows_lines += records.back().dump() + "\r\n";
  }
  const auto expected = facts(read(lines, 0.5));
  ASSERT_EQ(expected.size(), 40U);
  for (const std::string& content :
       {windows_lines, std::string(kByteOrderMark) + lines,
        std::string(kByteOrderMark) + windows_lines, records.dump(), records.dump(2),
        std::string(kByteOrderMark) + records.dump(1), Json{{"data", records}}.dump(),
        Json{{"version", "1"}, {"data", records}, {"tags", {"a"}}}.dump(2), gzipped(lines),
        gzipped(records.dump(4)),
        gzipped(std::string(kByteOrderMark) + lines.substr(0, 100)) + gzipped(lines.substr(100)),
        "\n \r\n" + records.dump(2) + "\r\n"}) {
    EXPECT_EQ(facts(read(content, 0.5)), expected) << content.substr(0, 80);
  }
}

TEST_F(TaskContainers, PlacesAreLinesOrRecords) {
  EXPECT_EQ(read("\n{\"prompt\": \"a\"}")[0].source, path_ + ":2");
  EXPECT_EQ(read("[{\"prompt\": \"a\"},\n{\"prompt\": \"b\"}]")[1].source, path_ + ": record 2");
  EXPECT_EQ(read("{\n  \"prompt\": \"a\"\n}\n")[0].prompt, "a");
  EXPECT_EQ(read("{\n  \"prompt\": \"a\"\n}\n")[0].source, path_ + ": record 1");
  EXPECT_EQ(read("{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}")[0].source,
            path_ + ":1");
  EXPECT_TRUE(read("[]").empty());
  EXPECT_TRUE(read("").empty());
}

TEST_F(TaskContainers, ErrorsNameTheRecordOrTheLine) {
  EXPECT_THAT(error("[{\"prompt\": \"a\"}, {\"quest\": \"b\"}]"),
              AllOf(HasSubstr("task.json: record 2: expected"), HasSubstr("\"quest\"")));
  EXPECT_THAT(error("[1]"), HasSubstr("record 1: expected"));
  EXPECT_THAT(error("[\n{\"prompt\": \"a\"},\n{\"prompt\": oops}\n]"),
              AllOf(HasSubstr("task.json:3: expected"), HasSubstr("syntax error")));
  EXPECT_THAT(error("[{\"prompt\": \"a\"}]\n[{\"prompt\": \"b\"}]"), HasSubstr("task.json:2: "));
  EXPECT_THAT(error("{\n\"prompt\": \"a\"\n}\n{\n\"prompt\": \"b\"\n}\n"),
              HasSubstr("one record a line"));
  EXPECT_THAT(error("{\"prompt\": oops}\n{\"prompt\": \"a\"}"), HasSubstr("task.json:1: expected"));
  EXPECT_THAT(error("{\"prompt\": \"a\"},\n{\"prompt\": \"b\"}"),
              HasSubstr("task.json:1: expected"));
  EXPECT_THAT(error("{\"train\": [{\"prompt\": \"a\"}], \"test\": [{\"prompt\": \"b\"}]}"),
              AllOf(HasSubstr("one array"), HasSubstr("\"train\", \"test\"")));
  EXPECT_THAT(error("[" + std::string(1000, '[') + std::string(1000, ']') + "]"),
              HasSubstr("nested"));
}

TEST_F(TaskContainers, WhatGzipWroteIsRead) {
  // `gzip -N` of {"prompt": "a"}, with the name one.jsonl in its header.
  const std::string file(
      "\x1F\x8B\x08\x08\x00\x00\x00\x00\x00\x03\x6F\x6E\x65\x2E\x6A\x73"
      "\x6F\x6E\x6C\x00\xAB\x56\x2A\x28\xCA\xCF\x2D\x28\x51\xB2\x52\x50"
      "\x4A\x54\xAA\xE5\x02\x00\x5B\x13\xF8\x2A\x10\x00\x00\x00",
      46);
  EXPECT_EQ(read(file)[0].prompt, "a");
  EXPECT_EQ(read(file + file).size(), 2U);
}

TEST_F(TaskContainers, DamagedGzipFilesAreErrors) {
  std::string noise;
  for (uint32_t i = 0, state = 1; i < 1000; ++i) {
    state = state * 1664525U + 1013904223U;
    noise += static_cast<char>('a' + state % 26 * (state >> 31));
  }
  const std::string whole = gzipped("{\"prompt\": \"" + noise + "\"}\n");
  EXPECT_THAT(error(whole + "xyz"), HasSubstr("3 other bytes"));
  EXPECT_THAT(error(whole + whole.substr(0, 12)), HasSubstr("cut off"));
  for (const size_t length :
       {size_t{2}, size_t{9}, size_t{10}, whole.size() / 2, whole.size() - 9, whole.size() - 1}) {
    EXPECT_THAT(error(whole.substr(0, length)), HasSubstr("cut off")) << length;
  }
  for (const size_t at : {size_t{2}, whole.size() / 2, whole.size() - 6, whole.size() - 2}) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    write_text_file(path_, damaged);
    EXPECT_THROW(read_task_files({path_}, 0), Error) << at;
  }
}

TEST_F(TaskContainers, ABombIsRefused) {
  const std::string content(kMost, ' ');
  EXPECT_EQ(text::gunzip(gzipped(content), "f", kMost), content);
  const auto message = [&](const std::string& bytes) {
    return error_of(ErrorCode::Format, [&] { text::gunzip(bytes, "f.gz", kMost); });
  };
  EXPECT_THAT(message(gzipped(content + " ")), AllOf(HasSubstr("f.gz: expected at most 1.00 MiB")));
  EXPECT_THAT(message(gzipped(content) + gzipped(" ")), HasSubstr("found more"));
}

}  // namespace
}  // namespace mpq
