// Round trips, and a file damaged in every way that a header can be.
#include "mpq/io/gguf.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>

#include "mpq/core/error.h"
#include "tests/io/gguf_bytes.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

class Gguf : public testing::Test {
 protected:
  Gguf() {
    std::string name = (fs::temp_directory_path() / "mpq-gguf-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    path_ = folder_ + "/file.gguf";
  }
  ~Gguf() override { fs::remove_all(folder_); }

  void write_raw(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  }

  void expect_format_error(const std::string& part) const {
    try {
      const GgufFile file(path_);
      ADD_FAILURE() << "accepted; expected: " << part;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::Format) << error.what();
      EXPECT_THAT(error.what(), testing::HasSubstr(part));
      EXPECT_THAT(error.what(), testing::HasSubstr(path_));
    }
  }

  /// Touches every byte that an accepted file offers.
  void read_if_accepted() {
    try {
      const GgufFile file(path_);
      for (const auto& tensor : file.tensors()) {
        file.read_ahead(tensor);
        const auto bytes = file.data(tensor);
        sink_ += std::accumulate(bytes.begin(), bytes.end(), 0U);
        file.release(tensor);
      }
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::Format) << error.what();
    }
  }

  std::string folder_, path_;
  unsigned sink_ = 0;
};

GgufMetadata every_kind() {
  return {{"u8", uint8_t{200}},
          {"i8", int8_t{-3}},
          {"u16", uint16_t{60000}},
          {"i16", int16_t{-300}},
          {"u32", uint32_t{4000000000}},
          {"i32", int32_t{-70000}},
          {"f32", 1.5F},
          {"bool", true},
          {"string", std::string("a \xff\0 b", 6)},
          {"u64", uint64_t{1} << 63},
          {"i64", int64_t{-1} << 62},
          {"f64", -2.25},
          {"bytes", GgufArray(std::vector<uint8_t>{1, 2})},
          {"floats", GgufArray(std::vector<float>{0.5F, -1.0F})},
          {"bools", GgufArray(std::vector<bool>{true, false, true})},
          {"strings", GgufArray(std::vector<std::string>{"", "token"})},
          {"longs", GgufArray(std::vector<int64_t>{-1})},
          {"none", GgufArray(std::vector<int32_t>{})}};
}

std::vector<uint8_t> counted(size_t size) {
  std::vector<uint8_t> bytes(size);
  std::iota(bytes.begin(), bytes.end(), uint8_t{3});
  return bytes;
}

TEST_F(Gguf, RoundTrip) {
  const std::vector<GgufTensorPlan> plan = {{"a", {256, 3}, *find_gguf_type("Q4_K")},
                                            {"empty", {32, 0}, *find_gguf_type("Q4_0")},
                                            {"b", {5}, *find_gguf_type("F32")},
                                            {"scalar", {}, *find_gguf_type("F32")},
                                            {"c", {32, 2, 2}, *find_gguf_type("Q8_0")}};
  GgufWriter writer(path_, every_kind(), plan);
  EXPECT_FALSE(fs::exists(path_));
  const auto a = counted(3 * 144);
  writer.write("a", std::span(a).first(100));
  writer.write("a", std::span(a).subspan(100));
  writer.write("b", counted(20));
  writer.write("scalar", counted(4));
  writer.write("c", counted(4 * 34));
  writer.finish();
  EXPECT_EQ(writer.bytes(), static_cast<int64_t>(fs::file_size(path_)));
  EXPECT_EQ(writer.bytes(), gguf_file_bytes(every_kind(), plan));
  EXPECT_EQ(writer.bytes() % 32, 0);

  const GgufFile file(path_);
  EXPECT_EQ(file.metadata(), every_kind());
  ASSERT_EQ(file.tensors().size(), plan.size());
  for (size_t i = 0; i < plan.size(); ++i) {
    EXPECT_EQ(file.tensors()[i].name, plan[i].name);
    EXPECT_EQ(file.tensors()[i].dims, plan[i].dims);
    EXPECT_EQ(file.tensors()[i].type.name, plan[i].type.name);
    EXPECT_EQ(file.find(plan[i].name), &file.tensors()[i]);
    const auto bytes = file.data(file.tensors()[i]);
    EXPECT_EQ(std::vector(bytes.begin(), bytes.end()), counted(file.tensors()[i].bytes));
  }
  EXPECT_EQ(file.tensors()[0].shape(), (std::vector<int64_t>{3, 256}));
  EXPECT_EQ(file.find("d"), nullptr);
  EXPECT_EQ(find_gguf_value(file.metadata(), "d"), nullptr);
  read_if_accepted();
}

TEST_F(Gguf, TheWriterRefusesWhatWasNotPlanned) {
  const GgufType f32 = *find_gguf_type("F32"), q4 = *find_gguf_type("Q4_0");
  const auto code_of = [&](const std::function<void()>& act) {
    try {
      act();
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::Gate;
  };
  const auto plan = [&](std::vector<GgufTensorPlan> tensors) {
    return code_of([&] { GgufWriter(path_, {}, tensors); });
  };
  EXPECT_EQ(plan({{"a", {4}, f32}, {"a", {4}, f32}}), ErrorCode::Internal);
  EXPECT_EQ(plan({{"a", {33, 2}, q4}}), ErrorCode::Internal);
  EXPECT_EQ(plan({{std::string(64, 'n'), {4}, f32}}), ErrorCode::Internal);
  EXPECT_EQ(code_of([&] {
              GgufWriter(path_, {{"k", true}, {"k", true}}, {});
            }),
            ErrorCode::Internal);
  GgufWriter writer(path_, {}, {{"a", {4}, f32}, {"b", {1}, f32}});
  EXPECT_EQ(code_of([&] { writer.write("b", counted(4)); }), ErrorCode::Internal);
  EXPECT_EQ(code_of([&] { writer.write("a", counted(17)); }), ErrorCode::Internal);
  writer.write("a", counted(16));
  EXPECT_EQ(code_of([&] { writer.write("a", counted(1)); }), ErrorCode::Internal);
  EXPECT_EQ(code_of([&] { writer.finish(); }), ErrorCode::Internal);
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(Gguf, AnUnfinishedFileLeavesNothing) {
  { GgufWriter writer(path_, {}, {{"a", {4}, *find_gguf_type("F32")}}); }
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(Gguf, ReadsBothVersions) {
  for (const uint32_t version : {2U, 3U}) {
    write_raw(gguf_bytes({.version = version}));
    const GgufFile file(path_);
    EXPECT_EQ(file.metadata()[0].value, GgufValue(GgufArray(std::vector<int32_t>{-1, 7})));
    EXPECT_EQ(file.tensors()[0].bytes, 204U);
    EXPECT_EQ(file.data(file.tensors()[1])[0], 224);
  }
}

TEST_F(Gguf, RefusesEveryDamage) {
  const std::vector<std::pair<GgufFields, std::string>> damages = {
      {{.magic = "GGML"}, "found a file that begins with \"GGML\""},
      {{.magic = "<!DOCTYPE html>"}, "web page"},
      {{.version = 1}, "found 1"},
      {{.version = 0x03000000}, "big-endian"},
      {{.tensors = uint64_t{1} << 60}, "the number of tensors"},
      {{.tensors = 3}, ""},
      {{.entries = ~uint64_t{0}}, "the number of metadata keys"},
      {{.entries = 3}, ""},
      {{.key_size = ~uint64_t{0}}, "a metadata key"},
      {{.value_type = 13}, "found 13"},
      {{.element_type = 13}, "found 13"},
      {{.element_type = 9}, "found one of arrays"},
      {{.element_type = 7, .elements = 8}, "a bool of 0 or 1"},
      {{.elements = uint64_t{1} << 62}, "found a count of"},
      {{.element_type = 8, .elements = 3}, "bytes"},
      {{.second_key = "a.key"}, "the key \"a.key\" is there twice"},
      {{.second_type = 5}, "another type"},
      {{.alignment = 0}, "found 0"},
      {{.alignment = 48}, "found 48"},
      {{.alignment = 128}, "a multiple of 128, found 224"},
      {{.alignment = 0x80000000}, ""},
      {{.first_name = "output_norm.weight"}, "is there twice"},
      {{.dims_count = 5}, "at most 4 dimensions, found 5"},
      {{.row = 65}, "whole blocks of 32"},
      {{.row = uint64_t{1} << 63}, "whole blocks"},
      {{.row = uint64_t{1} << 40, .rows = uint64_t{1} << 40}, "whole blocks"},
      {{.rows = ~uint64_t{0}}, "whole blocks"},
      {{.rows = 1000}, "of data"},
      {{.second_offset = 192}, "overlap"},
      {{.type = 4}, "found number 4"},
      {{.type = 9}, "found number 9"},
      {{.offset = 16}, "a multiple of 32, found 16"},
      {{.offset = 224}, ""},
      {{.second_offset = ~uint64_t{31}}, "found 240 bytes of data"},
      {{.data = 239}, "found 239 bytes of data"},
      {{.data = 0}, "found 0 bytes of data"}};
  for (size_t i = 0; i < damages.size(); ++i) {
    SCOPED_TRACE(i);
    write_raw(gguf_bytes(damages[i].first));
    expect_format_error(damages[i].second);
  }
}

TEST_F(Gguf, TruncationAtEveryByteIsAnError) {
  const std::string whole = gguf_bytes({});
  for (size_t size = 0; size < whole.size(); ++size) {
    SCOPED_TRACE(size);
    write_raw(whole.substr(0, size));
    expect_format_error("");
  }
}

TEST_F(Gguf, SurvivesEveryByteChanged) {
  const std::string whole = gguf_bytes({});
  for (size_t at = 0; at < whole.size() - 240; ++at) {
    for (const char byte : {'\0', '\1', '\x7f', '\xff'}) {
      std::string bytes = whole;
      bytes[at] = byte;
      write_raw(bytes);
      read_if_accepted();
    }
  }
}

TEST(GgufType, BytesOfEveryType) {
  EXPECT_EQ(gguf_types().size(), 33U);
  for (const GgufType& type : gguf_types()) {
    EXPECT_EQ(find_gguf_type(type.id)->name, type.name);
    EXPECT_EQ(find_gguf_type(type.name)->id, type.id);
    const std::vector<int64_t> dims = {2 * type.block_elements, 3};
    EXPECT_EQ(gguf_tensor_bytes(type, dims), 6 * type.block_bytes);
  }
  EXPECT_DOUBLE_EQ(find_gguf_type("Q3_K")->bits_per_weight(), 3.4375);
  EXPECT_EQ(find_gguf_type("Q9_K"), nullptr);
  EXPECT_EQ(find_gguf_type(31), nullptr);
}

}  // namespace
}  // namespace mpq
