// The dense format: dequantized weights, rounded once, in an ordinary folder.
#include <gmock/gmock.h>

#include "tests/format/checkpoints.h"

namespace mpq {
namespace {

std::unique_ptr<Format> dense_format() { return Registry<Format>::instance().make("dense"); }

TEST(Dense, WritesRoundedWeightsWithoutQuantizationConfig) {
  const TemporaryFolder place;
  TinyCheckpoint tiny;
  tiny.add(integers(3, 32, false), 33, 96);
  Json source = read_json_file(tiny.source.file("config.json"));
  source["quantization"] = {{"group_size", 32}, {"bits", 3}};  // of a source that MLX wrote
  write_json_file(tiny.source.file("config.json"), source);
  tiny.write(*dense_format(), place.file("out"));
  const Json config = read_json_file(place.file("out/config.json"));
  EXPECT_FALSE(config.contains("quantization_config"));
  EXPECT_FALSE(config.contains("quantization"));
  const SafetensorsFile file(place.file("out/model.safetensors"));
  const at::Tensor expected = dequantize(tiny.linears.at("model.layers.0.proj")).to(at::kBFloat16);
  EXPECT_TRUE(file.tensor("model.layers.0.proj.weight").equal(expected));
}

TEST(Dense, TakesFullSizeWhateverTheEncoding) {
  for (const auto& encoding : {integers(2, 32, false), integers(8, 0, true), full_precision()}) {
    EXPECT_EQ(dense_format()->fit(encoding, 33, 96, at::kBFloat16).bytes, 33 * 96 * 2);
    EXPECT_EQ(dense_format()->fit(encoding, 33, 96, at::kFloat).bytes, 33 * 96 * 4);
  }
}

TEST(Dense, RefusesWeightsThatOverflowTheDtype) {
  const TemporaryFolder place;
  TinyCheckpoint tiny(at::kHalf);
  tiny.add(integers(8, 32, false), 8, 64);
  auto& linear = tiny.linears.at("model.layers.0.proj");
  linear.grid.scale.fill_(60000);
  linear.codes.fill_(255);
  linear.grid.zero.zero_();
  error_of(ErrorCode::Numeric, [&] { tiny.write(*dense_format(), place.file("out")); });
}

TEST(Dense, KeepsTheDtypeOfWhatIsNotQuantized) {
  const TemporaryFolder place;
  TinyCheckpoint tiny(at::kHalf);
  tiny.add(integers(8, 32, false), 8, 64);
  tiny.base.tensors["model.norm.weight"].fill_(1e6);  // beyond float16
  tiny.write(*dense_format(), place.file("out"));
  const SafetensorsFile file(place.file("out/model.safetensors"));
  EXPECT_TRUE(file.tensor("model.norm.weight").equal(tiny.base.tensors["model.norm.weight"]));
}

}  // namespace
}  // namespace mpq
