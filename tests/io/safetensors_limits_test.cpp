// Files that are legal JSON but hostile, things that are not files, and headers of many tensors.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "mpq/core/json_file.h"
#include "mpq/io/safetensors.h"
#include "mpq/io/weight_source.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {
using testing::HasSubstr;

class SafetensorsLimits : public testing::Test {
 protected:
  /// The message with which a file of this header and these bytes is refused.
  std::string refused(const std::string& header, const std::string& data) const {
    write(header, data);
    return error_of(ErrorCode::Format, [&] { const SafetensorsFile file(path_); });
  }

  void write(const std::string& header, const std::string& data) const {
    const uint64_t size = header.size();
    std::ofstream(path_, std::ios::binary | std::ios::trunc)
        << std::string(reinterpret_cast<const char*>(&size), sizeof(size)) << header << data;
  }

  static std::string one(const std::string& dtype, const std::string& shape, size_t bytes) {
    return fmt::format(R"({{"x":{{"dtype":"{}","shape":{},"data_offsets":[0,{}]}}}})", dtype, shape,
                       bytes);
  }

  TemporaryFolder place_;
  std::string path_ = place_.file("f.safetensors");
};

TEST_F(SafetensorsLimits, EmptyShapesWhoseStridesOverflow) {
  EXPECT_THAT(refused(one("F32", "[0,2305843009213693952,2305843009213693952]", 0), ""),
              HasSubstr("too large"));
  EXPECT_THAT(refused(one("F32", "[18446744073709551615]", 0), ""), HasSubstr("too large"));
  write(one("F32", "[0,1000000,1000000]", 0), "");
  EXPECT_EQ(SafetensorsFile(path_).tensor("x").numel(), 0);
}

TEST_F(SafetensorsLimits, DimensionsAreCounted) {
  const auto ones = [](int count) {
    std::string shape = "[1";
    for (int i = 1; i < count; ++i) shape += ",1";
    return shape + "]";
  };
  write(one("U8", ones(64), 1), "a");
  EXPECT_EQ(SafetensorsFile(path_).tensor("x").dim(), 64);
  EXPECT_THAT(refused(one("U8", ones(65), 1), "a"), HasSubstr("65 dimensions"));
}

TEST_F(SafetensorsLimits, BoolsAreZeroOrOne) {
  write(one("BOOL", "[3]", 3), std::string("\1\0\1", 3));
  EXPECT_EQ(SafetensorsFile(path_).tensor("x").sum().item<int>(), 2);
  write(one("BOOL", "[3]", 3), std::string("\1\0\2", 3));
  const SafetensorsFile file(path_);
  EXPECT_THAT(error_of(ErrorCode::Format, [&] { file.tensor("x"); }),
              HasSubstr("tensor x: a BOOL is neither 0 nor 1"));
}

TEST_F(SafetensorsLimits, MessagesStayOnOneShortLine) {
  const std::string message =
      refused(R"({"a\nb)" + std::string(100000, 'y') + R"(":{"dtype":"F99"}})", "");
  EXPECT_LT(message.size(), 600U);
  EXPECT_EQ(message.find('\n'), std::string::npos);
  EXPECT_THAT(message, HasSubstr(R"(tensor a\nbyyy)"));
  EXPECT_THAT(message, HasSubstr("expected one of F64, F32"));
  EXPECT_THAT(refused(R"({"x":[)" + std::string(100000, '\n') + "1]}", ""),
              HasSubstr("expected an object"));
}

TEST_F(SafetensorsLimits, KeysOfATensorComeOnce) {
  EXPECT_THAT(refused(R"({"x":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}})", "a"),
              HasSubstr("names \"dtype\" twice"));
  EXPECT_THAT(refused(R"({"x":{"dtype":"U8","shape":1,"data_offsets":[0,1]}})", "a"),
              HasSubstr("\"shape\" is 1, expected a list"));
  EXPECT_THAT(refused(R"({"x":{"dtype":7,"shape":[1],"data_offsets":[0,1]}})", "a"),
              HasSubstr("dtype 7 is not known"));
  EXPECT_THAT(refused("{\"\xff\":1}", ""), HasSubstr("not JSON"));
}

TEST_F(SafetensorsLimits, OnlyFilesAreFiles) {
  const auto io_message = [](const std::string& path) {
    return error_of(ErrorCode::Io, [&] { const SafetensorsFile file(path); });
  };
  EXPECT_THAT(io_message(place_.path()), HasSubstr("expected a file, found a folder"));
  EXPECT_THAT(io_message(path_), HasSubstr("No such file"));
  ASSERT_EQ(::mkfifo(place_.file("pipe").c_str(), 0600), 0);
  EXPECT_THAT(io_message(place_.file("pipe")), HasSubstr("found a device or pipe"));
  std::ofstream(path_).flush();
  EXPECT_THAT(error_of(ErrorCode::Format, [&] { const SafetensorsFile file(path_); }),
              HasSubstr("is 0 bytes long"));
}

TEST_F(SafetensorsLimits, WriterRefusesWhatCannotBeRead) {
  const auto plan = [&](std::vector<TensorPlan> tensors,
                        const std::map<std::string, std::string>& metadata = {}) {
    const SafetensorsWriter writer(path_, std::move(tensors), metadata);
  };
  error_of(ErrorCode::Internal, [&] { plan({{"__metadata__", at::kFloat, {1}}}); });
  error_of(ErrorCode::Internal, [&] { plan({{"x", at::kFloat, {1}}, {"x", at::kFloat, {1}}}); });
  error_of(ErrorCode::Internal, [&] { plan({{"x", at::kFloat, {-1}}}); });
  error_of(ErrorCode::Internal, [&] { plan({{"x", at::kComplexFloat, {1}}}); });
  error_of(ErrorCode::Format, [&] { plan({}, {{"folder", "\xff"}}); });
  EXPECT_TRUE(place_.empty());
}

TEST_F(SafetensorsLimits, FiftyThousandTensorsComeBack) {
  // A search through all names at each of them would run into the test's time limit.
  std::vector<TensorPlan> plan;
  for (int i = 0; i < 50000; ++i)
    plan.push_back({fmt::format("model.layers.{:05}.mlp.weight", i), at::kFloat, {0}});
  SafetensorsWriter writer(path_, plan);
  const at::Tensor none = at::empty({0});
  for (const auto& tensor : plan) writer.write(tensor.name, none);
  writer.finish();
  EXPECT_EQ(SafetensorsFile(path_).tensors().size(), plan.size());
}

TEST_F(SafetensorsLimits, LargeTensorsAreReadAgainAfterTheirRelease) {
  const auto values = at::arange(1 << 20, at::kInt);  // 4 MiB: given back when a view dies
  save_tensors(path_, {{"a", at::ones({3}, at::kByte)}, {"x", values}, {"y", values + 1}});
  const SafetensorsFile file(path_);
  const at::Tensor kept = file.tensor("x");
  for (int round = 0; round < 3; ++round) EXPECT_TRUE(at::equal(file.tensor("x"), values));
  EXPECT_TRUE(at::equal(kept, values));
  EXPECT_TRUE(at::equal(file.tensor("y"), values + 1));
}

TEST_F(SafetensorsLimits, FoldersWithABrokenIndex) {
  const auto open = [&] { open_safetensors_folder(place_.path()); };
  const auto with_index = [&](const std::string& text) {
    write_text_file(place_.file("model.safetensors.index.json"), text);
    return error_of(ErrorCode::Format, open);
  };
  EXPECT_THAT(with_index("{"), HasSubstr("not JSON"));
  EXPECT_THAT(with_index("[]"), HasSubstr("weight_map"));
  EXPECT_THAT(with_index(R"({"weight_map":[]})"), HasSubstr("weight_map"));
  EXPECT_THAT(with_index(R"({"weight_map":{}})"), HasSubstr("empty"));
  EXPECT_THAT(with_index(R"({"weight_map":{"x":1}})"), HasSubstr("not a string"));
  EXPECT_THAT(with_index(R"({"weight_map":{"x":"a","x":"b"}})"), HasSubstr("\"x\" twice"));
  for (const std::string name : {"", ".", "..", "../a", "/etc/passwd", "a/b", "a\\u0000b"})
    EXPECT_THAT(with_index(R"({"weight_map":{"x":")" + name + "\"}}"), HasSubstr("not a file name"))
        << name;
  save_tensors(place_.file("model.safetensors"), {{"x", at::ones({1})}});
  EXPECT_THAT(open_safetensors_folder(place_.path())->names(), testing::ElementsAre("x"));
  EXPECT_THAT(error_of(ErrorCode::Io, [&] { open_safetensors_folder(place_.file("nothing")); }),
              HasSubstr("nothing: is not a folder"));
}

}  // namespace
}  // namespace mpq
