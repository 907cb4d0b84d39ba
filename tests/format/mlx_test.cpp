// MLX's affine layout to the bit, what it holds, and its configuration.
#include <gmock/gmock.h>

#include "tests/format/golden_layouts.h"

namespace mpq {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<Format> mlx_format() { return Registry<Format>::instance().make("mlx"); }

Encoding fitted(const Encoding& asked, at::ScalarType dtype = at::kBFloat16) {
  return mlx_format()->fit(asked, 8, 128, dtype).encoding;
}

TEST(MlxFormat, StoresWhatMlxStores) {
  const auto cases = golden_layouts("mlx.safetensors");
  EXPECT_EQ(cases.size(), 18U);
  for (const auto& golden : cases) {
    const Json config = expect_golden(*mlx_format(), golden, 4e-6);  // MLX rounds once
    EXPECT_EQ(config.at("model.layers.0.proj"), golden.weights);
  }
}

TEST(MlxFormat, OffsetsAreFloat32AndSymmetricScalesAsTheyAre) {
  EXPECT_EQ(fitted(integers(4, 64, true)), integers_in(4, 64, true, at::kBFloat16));
  EXPECT_EQ(fitted(parse_encoding("int:bits=4,group=64,sym,scale=f32")).scale_dtype, at::kFloat);
  const Encoding offset = parse_encoding("int:bits=3,group=32,zero=offset,scale=f32");
  EXPECT_EQ(fitted(parse_encoding("int:bits=3,group=32,zero=offset")), offset);
  EXPECT_EQ(fitted(integers(3, 32, false)), offset);
  EXPECT_EQ(mlx_format()->fit(integers(4, 64, true), 8, 128, at::kBFloat16).bytes,
            8 * 64 + 8 * 2 * 4);
}

TEST(MlxFormat, SaysWhichGroupsAndWidthsItHolds) {
  for (const char* encoding : {"int:group=0", "int:group=16", "int:bits=7", "q4_k", "mxfp4",
                               "int:zero=real", "int:bits=2,high=3,ratio=0.1"}) {
    EXPECT_THAT(error_of(ErrorCode::Unsupported, [&] { fitted(parse_encoding(encoding)); }),
                HasSubstr("2, 3, 4, 5, 6, 8 bits in groups of 32, 64, 128"))
        << encoding;
  }
}

/// Biases are -2^(bits - 1) scale, also of negative scales, and read back as the symmetric grid.
TEST(MlxFormat, SymmetricLinearsAreExactInEveryDtype) {
  for (const auto dtype : {at::kBFloat16, at::kHalf, at::kFloat}) {
    const TemporaryFolder place;
    TinyCheckpoint tiny(dtype);
    tiny.add(integers(5, 32, true), 8, 128);
    tiny.write(*mlx_format(), place.file("out"));
    const Grid& grid = tiny.linears.begin()->second.grid;
    ASSERT_TRUE(grid.scale.lt(0).any().item<bool>());
    const SafetensorsFile file(place.file("out/model.safetensors"));
    EXPECT_TRUE(
        file.tensor("model.layers.0.proj.biases").to(at::kFloat).equal(grid.scale.mul(-16)));
    EXPECT_TRUE(open_checkpoint(place.file("out"))
                    ->load("model.layers.0.proj.weight")
                    .equal(dequantize(tiny.linears.begin()->second)));
  }
}

TEST(MlxFormat, ConfigurationNamesEveryModule) {
  const TemporaryFolder place;
  TinyCheckpoint tiny;
  tiny.add(integers(3, 32, true), 8, 128);
  tiny.add(integers(4, 64, true), 8, 128);
  tiny.add(integers(4, 64, true), 8, 128);
  tiny.add(full_precision(), 8, 128);
  tiny.write(*mlx_format(), place.file("out"));
  Json config = read_json_file(place.file("out/config.json"));
  const Json four = {{"group_size", 64}, {"bits", 4}, {"mode", "affine"}};
  Json expected = four;
  expected["model.layers.0.proj"] = {{"group_size", 32}, {"bits", 3}, {"mode", "affine"}};
  expected["model.layers.1.proj"] = four;
  expected["model.layers.2.proj"] = four;
  expected["model.layers.3.proj"] = false;
  EXPECT_EQ(config.at("quantization"), expected);
  EXPECT_EQ(config.at("quantization_config"), expected);

  config["quantization"].erase("model.layers.1.proj");  // as mlx-lm does for what does not differ
  write_json_file(place.file("out/config.json"), config);
  EXPECT_TRUE(open_checkpoint(place.file("out"))
                  ->load("model.layers.1.proj.weight")
                  .equal(dequantize(tiny.linears.at("model.layers.1.proj"))));
  config["quantization"]["model.layers.1.proj"] = {
      {"group_size", 32}, {"bits", 4}, {"mode", "mxfp4"}};
  write_json_file(place.file("out/config.json"), config);
  EXPECT_THAT(error_of(ErrorCode::Unsupported, [&] { open_checkpoint(place.file("out")); }),
              HasSubstr("mxfp4"));
  config["quantization"]["model.layers.1.proj"] = {{"group_size", 64}, {"bits", 8}};
  write_json_file(place.file("out/config.json"), config);
  EXPECT_THAT(error_of(ErrorCode::Format, [&] { open_checkpoint(place.file("out")); }),
              HasSubstr("model.layers.1.proj.weight"));
}

}  // namespace
}  // namespace mpq
