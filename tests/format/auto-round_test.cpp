// AutoRound's layout to the bit, its packings, and its extra_config.
#include <gmock/gmock.h>

#include "tests/format/golden_layouts.h"

namespace mpq {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<Format> auto_round_format() {
  return Registry<Format>::instance().make("auto-round");
}

TEST(AutoRoundFormat, StoresGptqTensorsByItsPacking) {
  for (auto& golden : golden_layouts("gptq.safetensors")) {
    const bool symmetric = golden.name.starts_with("v1");
    golden.tensors.erase("g_idx");
    const Json config = expect_golden(*auto_round_format(), golden, 0);
    EXPECT_EQ(config.at("quant_method"), "auto-round");
    EXPECT_EQ(config.at("packing_format"), symmetric ? "auto_round:auto_gptq" : "auto_round");
    EXPECT_EQ(config.at("bits"), golden.weights.at("bits"));
    EXPECT_EQ(config.at("sym"), symmetric);
  }
}

TEST(AutoRoundFormat, NamesWhatDiffers) {
  const TemporaryFolder place;
  TinyCheckpoint tiny;
  for (const auto& encoding :
       {integers(4, 32, true), integers(4, 32, true), integers(3, 0, false), full_precision()})
    tiny.add(auto_round_format()->fit(encoding, 32, 64, at::kBFloat16).encoding, 32, 64);
  tiny.write(*auto_round_format(), place.file("out"));
  const Json config = read_json_file(place.file("out/config.json")).at("quantization_config");
  EXPECT_EQ(config.at("packing_format"), "auto_round");
  EXPECT_EQ(config.at("extra_config"),
            Json({{"model.layers.2.proj",
                   {{"bits", 3}, {"group_size", -1}, {"sym", false}, {"data_type", "int"}}},
                  {"model.layers.3.proj", {{"bits", 16}, {"data_type", "float"}}}}));
  const auto source = open_checkpoint(place.file("out"));
  for (const auto& [module, linear] : tiny.linears)
    EXPECT_TRUE(source->load(module + ".weight").equal(dequantize(linear))) << module;
}

TEST(AutoRoundFormat, RegularExpressionsAndUnknownPackings) {
  const TemporaryFolder place;
  TinyCheckpoint tiny;
  tiny.add(integers_in(4, 32, true, at::kHalf), 32, 64);
  tiny.write(*auto_round_format(), place.file("out"));
  Json config = read_json_file(place.file("out/config.json"));
  Json& quantization = config["quantization_config"];
  quantization["bits"] = 8;
  quantization["extra_config"] = {{".*proj", {{"bits", 4}}}};
  write_json_file(place.file("out/config.json"), config);
  EXPECT_TRUE(open_checkpoint(place.file("out"))
                  ->load("model.layers.0.proj.weight")
                  .equal(dequantize(tiny.linears.begin()->second)));
  quantization["extra_config"] = Json::array({".*proj"});
  write_json_file(place.file("out/config.json"), config);
  EXPECT_THAT(error_of(ErrorCode::Format, [&] { open_checkpoint(place.file("out")); }),
              HasSubstr("\"extra_config\" is array"));
  quantization["packing_format"] = "auto_round:auto_awq";
  write_json_file(place.file("out/config.json"), config);
  EXPECT_THAT(error_of(ErrorCode::Unsupported, [&] { open_checkpoint(place.file("out")); }),
              HasSubstr("auto_awq"));
}

}  // namespace
}  // namespace mpq
