// JSON that does not fit: numbers out of range, floats for integers, halves of surrogate pairs,
// files of another kind; and text that JSON could not hold.
#include <gmock/gmock.h>

#include <filesystem>
#include <limits>
#include <random>

#include "mpq/core/file_kind.h"
#include "mpq/core/json_file.h"
#include "mpq/core/utf8.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {
using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kLfsPointer =
    "version https://git-lfs.github.com/spec/v1\noid sha256:4b4b\nsize 5247896\n";

template <class T>
void expect_refused(const char* value) {
  const Json object = Json::parse(std::string("{\"n\": ") + value + "}");
  const std::string found = "found " + object.at("n").dump();
  EXPECT_THAT(error_of(ErrorCode::Format, [&] { json_get<T>(object, "n", "f.json"); }),
              AllOf(HasSubstr("f.json: \"n\""), HasSubstr(found)));
  EXPECT_THAT(error_of(ErrorCode::Format, [&] { json_get_or<T>(object, "n", T(), "f.json"); }),
              HasSubstr(found));
}

TEST(JsonStrictness, NumbersMustFit) {
  for (const char* value : {"3.5", "3.0", "1e30", "true", "18446744073709551615", "\"3\"", "[3]"})
    expect_refused<int64_t>(value);
  for (const char* value : {"2147483648", "-2147483649", "1e3", "false"})
    expect_refused<int32_t>(value);
  expect_refused<uint32_t>("-1");
  expect_refused<size_t>("-1");
  expect_refused<std::vector<int32_t>>("[1,2.5]");
  expect_refused<std::vector<std::vector<double>>>("[[1,true]]");
  expect_refused<double>("true");
  expect_refused<float>("1e300");
  const Json good = Json::parse(R"({"i": -7, "u": 18446744073709551615, "d": 3, "v": [1, 2]})");
  EXPECT_EQ(json_get<int64_t>(good, "i", ""), -7);
  EXPECT_EQ(json_get<uint64_t>(good, "u", ""), ~uint64_t{0});
  EXPECT_EQ(json_get<double>(good, "d", ""), 3.0);
  EXPECT_EQ(json_get<std::vector<double>>(good, "v", ""), (std::vector<double>{1, 2}));
}

TEST(JsonStrictness, AnObjectIsExpected) {
  EXPECT_EQ(json_get_or<int>(Json(), "n", 7, "f"), 7);
  for (const char* other : {"[]", "\"linear\"", "3"}) {
    EXPECT_THAT(
        error_of(ErrorCode::Format, [&] { json_get_or<int>(Json::parse(other), "n", 7, "f"); }),
        HasSubstr("expected an object with \"n\""));
  }
}

TEST(JsonStrictness, FilesSayWhatIsWrongWithThem) {
  const TemporaryFolder place;
  const auto message = [&](const std::string& content) {
    write_text_file(place.file("f.json"), content);
    return error_of(ErrorCode::Format, [&] { read_json_file(place.file("f.json")); });
  };
  EXPECT_THAT(message("{\"a\": 1,\n \"b\": 9e999}"),
              AllOf(HasSubstr("f.json:2: "), HasSubstr("9e999"), HasSubstr("does not fit")));
  EXPECT_THAT(message("{\n\"a\": NaN}"), AllOf(HasSubstr("f.json:2: "), HasSubstr("NaN or Inf")));
  EXPECT_THAT(message("{\"a\": " + std::string(1000, '[')), HasSubstr("nested at most 500 deep"));
  EXPECT_THAT(message("{\"a\": \"\\ud83d\"}"), HasSubstr("half of a surrogate pair"));
  EXPECT_THAT(message("{\"a\": \"\xE9\"}"), HasSubstr("not UTF-8"));
  EXPECT_THAT(message("<!DOCTYPE html>\n<html>"), HasSubstr("web page"));
  EXPECT_THAT(message("{\"a\": oops}"), HasSubstr("syntax error at byte 7"));
  EXPECT_THAT(message(kLfsPointer), AllOf(HasSubstr("git-lfs pointer"), HasSubstr("git lfs pull")));
  write_text_file(place.file("f.json"), "\xEF\xBB\xBF{\"a\": 1}");
  EXPECT_EQ(read_json_file(place.file("f.json")).at("a"), 1);
}

TEST(JsonStrictness, InfinityOfPythonComesBack) {
  const TemporaryFolder place;
  const std::string path = place.file("f.json");
  write_text_file(path, R"({"a": [0, Infinity, -Infinity], "b": "\" Infinity", "Infinity": 1})");
  const Json json = read_json_file(path);
  EXPECT_EQ(json.at("a"),
            Json({0, std::numeric_limits<double>::max(), std::numeric_limits<double>::lowest()}));
  EXPECT_EQ(json.at("b"), "\" Infinity");
  EXPECT_EQ(json.at("Infinity"), 1);
  write_json_file(path, json);
  EXPECT_THAT(read_text_file(path), AllOf(HasSubstr("    Infinity,\n    -Infinity\n")));
  EXPECT_EQ(read_json_file(path), json);
}

TEST(JsonStrictness, WhatIsNotUtf8IsRepaired) {
  EXPECT_EQ(json_text({{"path", "/a\xFF"}}), "{\"path\":\"/a\xEF\xBF\xBD\"}");
}

TEST(PathText, ComesBackWhateverItIs) {
  for (const std::string path :
       {"/plain/\xC3\xA9", "/latin-\xE9-\xFF", "\x80", "/\xEE\xBE\x80/own", "/cut\xE6\xA8", ""}) {
    const std::string text = path_to_text(path);
    EXPECT_EQ(invalid_utf8_at(text), std::string::npos);
    EXPECT_EQ(text_to_path(text), path);
  }
  EXPECT_EQ(path_to_text("/plain/\xC3\xA9"), "/plain/\xC3\xA9");
  EXPECT_NE(path_to_text("/\xE9"), path_to_text("/\xE8"));
  std::mt19937 random(7);
  for (int i = 0; i < 2000; ++i) {
    std::string path(random() % 12, '\0');
    for (char& c : path) c = static_cast<char>(random() % 4 == 0 ? 0xEE : random());
    const std::string text = path_to_text(path);
    EXPECT_EQ(invalid_utf8_at(text), std::string::npos);
    EXPECT_EQ(text_to_path(text), path);
  }
}

}  // namespace
}  // namespace mpq
