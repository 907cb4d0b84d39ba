// The tokenizer's contract: errors for what is malformed or unknown, repair of bad UTF-8, linear
// time.
#include "mpq/text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <functional>

#include "golden.h"
#include "mpq/core/error.h"

namespace mpq {
namespace {

using testing::HasSubstr;

Json tiny() {
  return Json::parse(R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "c": 3},
                         "merges": ["a b"]}, "added_tokens": [], "pre_tokenizer": null})");
}

std::unique_ptr<Tokenizer> load(const std::string& content) {
  const std::string folder = scratch_folder();
  write_scratch(folder, "tokenizer.json", content);
  try {
    auto tokenizer = Tokenizer::load(folder);
    std::filesystem::remove_all(folder);
    return tokenizer;
  } catch (...) {
    std::filesystem::remove_all(folder);
    throw;
  }
}

void expect_error(const Json& file, ErrorCode code, const std::string& message) {
  try {
    load(file.dump());
    FAIL() << "accepted: " << file.dump();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(message));
    EXPECT_THAT(error.what(), HasSubstr("tokenizer.json"));
  }
}

TEST(Tokenizer, ReadsIdsAndTokens) {
  const auto tokenizer = load(tiny().dump());
  EXPECT_EQ(tokenizer->encode("abcab"), (std::vector<int32_t>{2, 3, 2}));
  EXPECT_EQ(tokenizer->token_to_id("ab"), 2);
  EXPECT_EQ(tokenizer->token_to_id("ba"), std::nullopt);
  EXPECT_EQ(tokenizer->vocab_size(), 4);
  const std::vector<int32_t> ids = {2, 4};
  EXPECT_THROW(tokenizer->decode(ids), Error);
}

TEST(Tokenizer, AbsentFileIsAnIoError) {
  try {
    Tokenizer::load("/nowhere");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Io);
  }
}

TEST(Tokenizer, UnknownComponentsAreUnsupported) {
  for (const char* key : {"normalizer", "pre_tokenizer", "post_processor", "decoder", "model"}) {
    Json file = tiny();
    file[key]["type"] = "RobertaProcessing";
    expect_error(file, ErrorCode::Unsupported, "RobertaProcessing");
    file[key]["type"] = "Sequence";  // without its list
    expect_error(file, std::string(key) == "model" ? ErrorCode::Unsupported : ErrorCode::Format,
                 key);
  }
  Json dropout = tiny();
  dropout["model"]["dropout"] = 0.1;
  expect_error(dropout, ErrorCode::Unsupported, "dropout");
  Json regex = tiny();
  for (const char* pattern : {"(", "[a[bc]]", "\\h", "[a&&b]"}) {
    regex["pre_tokenizer"] = {
        {"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}};
    expect_error(regex, ErrorCode::Unsupported, "regular expression");
  }
}

TEST(Tokenizer, WrongTypesAreFormatErrors) {
  const std::vector<std::function<void(Json&)>> breaks = {
      [](Json& f) { f.erase("model"); },
      [](Json& f) { f["model"] = 3; },
      [](Json& f) { f["model"].erase("vocab"); },
      [](Json& f) { f["model"]["vocab"] = "x"; },
      [](Json& f) { f["model"]["vocab"]["a"] = "zero"; },
      [](Json& f) { f["model"]["vocab"]["a"] = -1; },
      [](Json& f) { f["model"]["vocab"]["a"] = 1e12; },
      [](Json& f) { f["model"]["vocab"]["a"] = 1; },
      [](Json& f) { f["model"]["merges"] = 1; },
      [](Json& f) { f["model"]["merges"] = {"a"}; },
      [](Json& f) { f["model"]["merges"] = {"a c"}; },
      [](Json& f) {
        f["model"]["merges"] = {{"a", 1}};
      },
      [](Json& f) { f["model"]["unk_token"] = "none"; },
      [](Json& f) { f["model"]["byte_fallback"] = "yes"; },
      [](Json& f) { f["added_tokens"] = 7; },
      [](Json& f) { f["added_tokens"] = {1}; },
      [](Json& f) {
        f["added_tokens"] = {{{"id", "x"}, {"content", "y"}}};
      },
      [](Json& f) { f["normalizer"] = 1; },
      [](Json& f) {
        f["normalizer"] = {{"type", "Replace"}, {"content", "x"}};
      },
      [](Json& f) {
        f["decoder"] = {{"type", "Strip"}, {"content", "ab"}, {"start", 1}, {"stop", 0}};
      },
      [](Json& f) {
        f["post_processor"] = {{"type", "TemplateProcessing"},
                               {"single", {{{"SpecialToken", {{"id", "q"}}}}}}};
      },
      [](Json& f) { f["model"]["type"] = "Unigram"; },
  };
  for (size_t i = 0; i < breaks.size(); ++i) {
    SCOPED_TRACE(i);
    Json file = tiny();
    breaks[i](file);
    expect_error(file, ErrorCode::Format, "");
  }
}

TEST(Tokenizer, BrokenJsonIsAFormatError) {
  for (const std::string& text : {std::string("{\"model\": "), std::string(), std::string("\xFF"),
                                  std::string(100000, '[')}) {
    try {
      load(text);
      FAIL() << text.substr(0, 20);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::Format);
    }
  }
}

TEST(Tokenizer, InvalidUtf8IsReplaced) {
  const auto tokenizer = Tokenizer::load(text_golden("stories260K"));
  // As Python's errors="replace": one U+FFFD for each maximal subpart.
  EXPECT_EQ(tokenizer->encode("a\xFF\xE2\x82z\xF0\x9F\xC0"),
            tokenizer->encode("a\uFFFD\uFFFDz\uFFFD\uFFFD"));
}

TEST(Tokenizer, IsLinearInOneGiantWord) {
  const auto tokenizer = Tokenizer::load(text_golden("stories260K"));
  // No pre-tokenizer, and every neighbour may merge: the worst case of the merge queue.
  const auto seconds = [&](size_t size) {
    const std::string text(size, 'a');
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(tokenizer->encode(text).empty());
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  seconds(size_t{1} << 14);
  EXPECT_LT(seconds(size_t{1} << 20), 30.0);  // quadratic would be hours
}

}  // namespace
}  // namespace mpq
