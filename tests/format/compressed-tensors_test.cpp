// The pack-quantized layout to the bit, and its quantization_config.
#include <gmock/gmock.h>

#include "mpq/format/compressed_tensors.h"
#include "tests/format/golden_layouts.h"
#include "tests/support/golden_words.h"

namespace mpq {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::unique_ptr<Format> compressed_tensors_format() {
  return Registry<Format>::instance().make("compressed-tensors");
}

std::vector<uint32_t> words(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.contiguous().view({-1});
  const auto* begin = reinterpret_cast<const uint32_t*>(flat.const_data_ptr<int32_t>());
  return {begin, begin + flat.numel()};
}

/// The golden codes (5 i + 3) mod 2^bits of formats.md, in a row and as the zero points of 32 rows.
TEST(CompressedTensors, StoresTheGoldenVectors) {
  for (const auto& [bits, expected] : golden_words()) {
    const TemporaryFolder place;
    TinyCheckpoint tiny;
    tiny.add(integers(bits, 0, false), 32, 32);
    auto& linear = tiny.linears.at("model.layers.0.proj");
    const at::Tensor codes = at::arange(32).mul(5).add(3).remainder(1 << bits).to(at::kByte);
    linear.codes = codes.unsqueeze(0).expand({32, 32}).contiguous();
    linear.grid.zero = codes.unsqueeze(1).to(at::kFloat);
    tiny.write(*compressed_tensors_format(), place.file("out"));
    const SafetensorsFile file(place.file("out/model.safetensors"));
    EXPECT_EQ(words(file.tensor("model.layers.0.proj.weight_packed")[31]), expected) << bits;
    EXPECT_EQ(words(file.tensor("model.layers.0.proj.weight_zero_point")), expected) << bits;
    EXPECT_TRUE(
        file.tensor("model.layers.0.proj.weight_shape").equal(at::tensor({32, 32}, at::kLong)));
  }
}

/// Of 4-bit floats the library's values are bfloat16.
TEST(CompressedTensors, StoresWhatTheLibraryStores) {
  const auto cases = golden_layouts("compressed-tensors.safetensors");
  EXPECT_EQ(cases.size(), 17U);
  for (const auto& golden : cases) {
    const bool four_bit_float = golden.name.ends_with("fp4");
    const Json config =
        expect_golden(*compressed_tensors_format(), golden, four_bit_float ? 1.0 / 256 : 0);
    const Json& weights = config.at("config_groups").at("group_0").at("weights");
    for (const auto& [key, value] : golden.weights.items())
      EXPECT_EQ(weights.at(key), value) << golden.name << " " << key;
  }
}

TEST(CompressedTensors, MixedLayoutsNameTheirFormatByGroup) {
  const TemporaryFolder place;
  TinyCheckpoint tiny;
  for (const char* encoding : {"fp8", "int:bits=4,group=32,sym", "mxfp4", "nvfp4"})
    tiny.add(parse_encoding(encoding), 8, 64);
  tiny.write(*compressed_tensors_format(), place.file("out"));
  const Json config = read_json_file(place.file("out/config.json")).at("quantization_config");
  EXPECT_EQ(config.at("format"), "mixed-precision");
  std::vector<std::string> formats;
  for (const auto& [name, group] : config.at("config_groups").items())
    formats.push_back(group.at("format").get<std::string>());
  EXPECT_THAT(formats, ElementsAre("float-quantized", "pack-quantized", "mxfp4-pack-quantized",
                                   "nvfp4-pack-quantized"));
  const auto source = open_checkpoint(place.file("out"));
  for (const auto& [module, linear] : tiny.linears)
    EXPECT_TRUE(source->load(module + ".weight").equal(dequantize(linear))) << module;
}

TEST(CompressedTensors, TheVersionIsTheOldestThatReadsTheWidths) {
  const auto version = [](std::vector<int> widths) {
    std::vector<ExportLinear> linears;
    for (const int bits : widths) linears.push_back({"m", 8, 64, integers(bits, 32, true)});
    return packed_config(linears).at("version");
  };
  EXPECT_EQ(version({2, 4, 8}), "0.17.0");
  EXPECT_EQ(version({4, 3}), "0.18.0");
}

TEST(CompressedTensors, AnyTensorScaleIsReadToAnUlp) {
  const TemporaryFolder place;
  TinyCheckpoint tiny;
  tiny.add(parse_encoding("nvfp4"), 8, 64);
  auto& [module, linear] = *tiny.linears.begin();
  linear.grid.super_scale.fill_(0.00037F);
  linear.grid.scale = linear.grid.super_scale.mul(linear.grid.scale_code);
  tiny.write(*compressed_tensors_format(), place.file("out"));
  EXPECT_TRUE(open_checkpoint(place.file("out"))
                  ->load(module + ".weight")
                  .allclose(dequantize(linear), 3e-7, 0));
}

TEST(CompressedTensors, ReadsBackExactlyAlthoughScalesAreHalf) {
  const TemporaryFolder place;
  TinyCheckpoint tiny(at::kHalf);
  tiny.add_all_of(*compressed_tensors_format());
  tiny.write(*compressed_tensors_format(), place.file("out"));
  const auto source = open_checkpoint(place.file("out"));
  for (const auto& [module, linear] : tiny.linears) {
    EXPECT_TRUE(source->load(module + ".weight").equal(dequantize(linear))) << module;
  }
}

TEST(CompressedTensors, ShapesAndDtypesAreThoseOfTheFormat) {
  const TemporaryFolder place;
  TinyCheckpoint tiny;
  tiny.add(integers(3, 32, false), 33, 96);
  tiny.add(integers(5, 0, true), 7, 172);
  tiny.add(full_precision(), 6, 10);
  tiny.write(*compressed_tensors_format(), place.file("out"));
  const SafetensorsFile file(place.file("out/model.safetensors"));
  const auto expect = [&](const std::string& name, at::ScalarType dtype,
                          std::vector<int64_t> shape) {
    ASSERT_TRUE(file.contains(name)) << name;
    EXPECT_EQ(file.tensors().at(name).dtype, dtype) << name;
    EXPECT_EQ(file.tensors().at(name).shape, shape) << name;
  };
  expect("model.layers.0.proj.weight_packed", at::kInt, {33, 9});
  expect("model.layers.0.proj.weight_scale", at::kBFloat16, {33, 3});
  expect("model.layers.0.proj.weight_shape", at::kLong, {2});
  expect("model.layers.0.proj.weight_zero_point", at::kInt, {4, 3});
  expect("model.layers.1.proj.weight_packed", at::kInt, {7, 27});
  expect("model.layers.1.proj.weight_scale", at::kBFloat16, {7, 1});
  expect("model.layers.2.proj.weight", at::kBFloat16, {6, 10});
  expect("model.norm.weight", at::kFloat, {23});  // as it was
  expect("model.positions", at::kLong, {5});
  EXPECT_EQ(file.tensors().size(), 14U);  // and three biases, the embedding: nothing else
}

TEST(CompressedTensors, ConfigHasOneGroupAScheme) {
  const TemporaryFolder place;
  TinyCheckpoint tiny;
  tiny.add(integers(4, 32, false), 8, 64);
  tiny.add(integers(8, 0, true), 8, 64);
  tiny.add(integers(4, 32, false), 8, 64);
  tiny.add(full_precision(), 8, 64);
  tiny.write(*compressed_tensors_format(), place.file("out"));
  const Json config = read_json_file(place.file("out/config.json")).at("quantization_config");
  EXPECT_EQ(config.at("quant_method"), "compressed-tensors");
  EXPECT_EQ(config.at("format"), "pack-quantized");
  EXPECT_EQ(config.at("quantization_status"), "compressed");
  EXPECT_EQ(config.at("ignore"), Json::array({"model.layers.3.proj", "lm_head"}));
  ASSERT_EQ(config.at("config_groups").size(), 2U);
  const Json& first = config.at("config_groups").at("group_0");
  EXPECT_EQ(first.at("targets"), Json::array({"model.layers.0.proj", "model.layers.2.proj"}));
  EXPECT_EQ(first.at("format"), "pack-quantized");
  EXPECT_EQ(first.at("weights"), Json({{"num_bits", 4},
                                       {"type", "int"},
                                       {"symmetric", false},
                                       {"strategy", "group"},
                                       {"group_size", 32},
                                       {"dynamic", false}}));
  const Json& second = config.at("config_groups").at("group_1");
  EXPECT_EQ(second.at("targets"), Json::array({"model.layers.1.proj"}));
  EXPECT_EQ(second.at("weights").at("strategy"), "channel");
  EXPECT_TRUE(second.at("weights").at("group_size").is_null());
}

TEST(CompressedTensors, NothingQuantizedIsAnOrdinaryCheckpoint) {
  const TemporaryFolder place;
  TinyCheckpoint tiny;
  tiny.add(full_precision(), 8, 64);
  tiny.write(*compressed_tensors_format(), place.file("out"));
  EXPECT_FALSE(read_json_file(place.file("out/config.json")).contains("quantization_config"));
  EXPECT_TRUE(open_checkpoint(place.file("out"))
                  ->load("model.layers.0.proj.weight")
                  .equal(tiny.base.tensors.at("model.layers.0.proj.weight")));
}

TEST(CompressedTensors, RefusesWhatTheFormatCannotHold) {
  const TemporaryFolder place;
  const auto fit = [&](const Encoding& encoding) {
    compressed_tensors_format()->fit(encoding, 8, 64, at::kHalf);
  };
  for (const char* name : {"q4_k", "iq4_nl", "int:zero=real", "int:bits=2,high=4,ratio=0.1"}) {
    EXPECT_THAT(error_of(ErrorCode::Unsupported, [&] { fit(parse_encoding(name)); }),
                HasSubstr("use --format mpq"));
  }
  error_of(ErrorCode::Usage, [&] { fit(integers(4, 48, true)); });
  TinyCheckpoint tiny;
  tiny.add(integers(4, 32, true), 8, 64);
  auto& linear = tiny.linears.at("model.layers.0.proj");
  linear.grid.scale.fill_(1.0F / 3);
  EXPECT_THAT(error_of(ErrorCode::Internal,
                       [&] { tiny.write(*compressed_tensors_format(), place.file("out")); }),
              HasSubstr("not representable"));
  linear.grid.scale.fill_(0.5F);
  linear.grid.zero[3][1] = 7;
  EXPECT_THAT(error_of(ErrorCode::Internal,
                       [&] { tiny.write(*compressed_tensors_format(), place.file("out")); }),
              HasSubstr("zero point"));
}

}  // namespace
}  // namespace mpq
