// Reading pack-quantized folders that others wrote, and refusing broken or unknown ones.
#include <gmock/gmock.h>

#include "mpq/core/log.h"
#include "mpq/format/packed_tensor.h"
#include "tests/format/checkpoints.h"

namespace mpq {
namespace {
using ::testing::HasSubstr;

/// A folder with one packed module, "m.q": 5 x 8, 4 bits, groups of 4, asymmetric.
class CompressedTensorsSourceTest : public ::testing::Test {
 protected:
  CompressedTensorsSourceTest() {
    at::manual_seed(5);
    linear_ = random_linear(integers_in(4, 4, false, at::kBFloat16), 5, 8);
    tensors_ = {{"m.q.weight_packed", pack_rows(linear_.codes, 4)},
                {"m.q.weight_scale", linear_.grid.scale.to(at::kBFloat16)},
                {"m.q.weight_shape", at::tensor({5, 8}, at::kLong)},
                {"m.q.weight_zero_point", pack_columns(linear_.grid.zero.to(at::kByte), 4)},
                {"m.norm.weight", at::ones({8})}};
    config_ = {{"quant_method", "compressed-tensors"},
               {"format", "pack-quantized"},
               {"config_groups",
                {{"group_0",
                  {{"targets", Json::array({"Linear"})},
                   {"weights",
                    {{"num_bits", 4},
                     {"type", "int"},
                     {"symmetric", false},
                     {"strategy", "group"},
                     {"group_size", 4}}}}}}}};
  }

  Json& group() { return config_["config_groups"]["group_0"]; }
  Json& weights() { return group()["weights"]; }

  std::unique_ptr<WeightSource> open() {
    save_tensors(place_.file("model.safetensors"), tensors_);
    write_json_file(place_.file("config.json"), {{"quantization_config", config_}});
    return open_checkpoint(place_.path());
  }

  at::Tensor weight() { return open()->load("m.q.weight"); }
  std::string error(ErrorCode code) {
    return error_of(code, [&] { weight(); });
  }

  /// The module as symmetric, one scale a row.
  void make_channel() {
    linear_ = random_linear(integers_in(4, 0, true, at::kBFloat16), 5, 8);
    tensors_["m.q.weight_packed"] = pack_rows(linear_.codes, 4);
    tensors_["m.q.weight_scale"] = linear_.grid.scale;
    tensors_.erase("m.q.weight_zero_point");
    weights() = {{"num_bits", 4}, {"strategy", "channel"}, {"group_size", nullptr}};
  }

  TemporaryFolder place_;
  QuantizedLinear linear_;
  std::map<std::string, at::Tensor> tensors_;
  Json config_;
};

TEST_F(CompressedTensorsSourceTest, ReadsGroupsByClassNameAndRegex) {
  for (const auto* target : {"Linear", "m.q", "re:.*\\.q", "re:m"}) {
    group()["targets"] = Json::array({target});
    const auto source = open();
    EXPECT_THAT(source->names(), ::testing::ElementsAre("m.norm.weight", "m.q.weight"));
    EXPECT_EQ(source->shape("m.q.weight"), (std::vector<int64_t>{5, 8}));
    EXPECT_TRUE(source->load("m.q.weight").equal(dequantize(linear_))) << target;
    EXPECT_TRUE(source->load("m.norm.weight").equal(at::ones({8})));
  }
}

TEST_F(CompressedTensorsSourceTest, TheMostSpecificTargetWins) {
  Json other = group();
  other["weights"]["num_bits"] = 8;
  config_["config_groups"] = {{"a", other}, {"b", group()}};
  config_["config_groups"]["b"]["targets"] = Json::array({"re:m\\.q"});
  EXPECT_TRUE(weight().equal(dequantize(linear_)));
  config_["config_groups"]["a"]["targets"] = Json::array({"re:.*"});
  config_["config_groups"]["b"]["targets"] = Json::array({"m.q"});
  EXPECT_TRUE(weight().equal(dequantize(linear_)));
}

TEST_F(CompressedTensorsSourceTest, ReadsChannelAndTensorStrategies) {
  make_channel();
  EXPECT_TRUE(weight().equal(dequantize(linear_)));
  weights()["group_size"] = -1;
  weights().erase("strategy");
  EXPECT_TRUE(weight().equal(dequantize(linear_)));
  weights() = {{"num_bits", 4}, {"strategy", "tensor"}};
  linear_.grid.scale.fill_(0.25);
  for (const auto& scale : {at::full({1}, 0.25), at::full({}, 0.25)}) {
    tensors_["m.q.weight_scale"] = scale;
    EXPECT_TRUE(weight().equal(dequantize(linear_)));
  }
}

TEST_F(CompressedTensorsSourceTest, ReadsZeroPointsThatAreNotPacked) {
  tensors_["m.q.weight_zero_point"] = linear_.grid.zero.to(at::kChar).sub(8);
  EXPECT_TRUE(weight().equal(dequantize(linear_)));
  tensors_["m.q.weight_zero_point"][2][1] = 8;
  EXPECT_THAT(error(ErrorCode::Format), HasSubstr("m.q.weight_zero_point"));
}

TEST_F(CompressedTensorsSourceTest, WeightsAreReadWithoutTheScalesOfActivations) {
  config_["config_groups"]["group_0"]["input_activations"] = {{"num_bits", 8}};
  tensors_["m.q.input_scale"] = at::ones({1});
  std::vector<std::string> warnings;
  set_log_sinks({.message = [&](LogLevel, const std::string& text) { warnings.emplace_back(text); },
                 .progress = {}});
  EXPECT_TRUE(weight().equal(dequantize(linear_)));
  set_log_sinks({});
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_THAT(warnings.front(), HasSubstr("inputs are quantized too"));
}

TEST_F(CompressedTensorsSourceTest, UnknownVariantsAreUnsupportedByName) {
  const Json good = config_;
  const auto refuses = [&](const char* path, const Json& value, const std::string& named) {
    config_ = good;
    config_[Json::json_pointer(path)] = value;
    EXPECT_THAT(error(ErrorCode::Unsupported), HasSubstr(named)) << path;
  };
  const std::string group = "/config_groups/group_0";
  refuses("/quant_method", "gptq", "gptq");
  refuses("/format", "int-quantized", "int-quantized");
  refuses("/kv_cache_scheme", {{"num_bits", 8}}, "kv_cache_scheme");
  refuses("/transform_config", {{"config_groups", 1}}, "transform_config");
  refuses("/sparsity_config", {{"format", "sparse-bitmask"}}, "sparse-bitmask");
  refuses((group + "/format").c_str(), "nvfp4-pack-quantized", "nvfp4-pack-quantized");
  refuses((group + "/output_activations").c_str(), {{"num_bits", 8}}, "output_activations");
  refuses((group + "/weights/type").c_str(), "float", "float");
  refuses((group + "/weights/strategy").c_str(), "block", "block");
  refuses((group + "/weights/num_bits").c_str(), 16, "16");
  refuses((group + "/weights/actorder").c_str(), "group", "actorder");
  refuses((group + "/weights/dynamic").c_str(), true, "dynamic");
  refuses((group + "/targets").c_str(), Json::array({"re:(?i)m\\.q"}), "(?i)");
  refuses("/config_groups/W4A16", Json::array({"Linear"}), "W4A16");
}

TEST_F(CompressedTensorsSourceTest, PaddedOddWidthsOfOldVersionsAreUnsupported) {
  linear_ = random_linear(integers_in(3, 4, false, at::kBFloat16), 5, 8);
  tensors_["m.q.weight_packed"] = pack_rows(linear_.codes, 3);
  tensors_["m.q.weight_scale"] = linear_.grid.scale;
  tensors_["m.q.weight_zero_point"] = pack_columns(linear_.grid.zero.to(at::kByte), 3);
  weights()["num_bits"] = 3;
  for (const auto* version : {"0.18.0", "0.20.1", "1.0.0"}) {
    config_["version"] = version;
    EXPECT_TRUE(weight().equal(dequantize(linear_)));
  }
  config_["version"] = "0.17.3";
  EXPECT_THAT(error(ErrorCode::Unsupported), HasSubstr("padded layout"));
}

TEST_F(CompressedTensorsSourceTest, PermutedColumnsAreUnsupported) {
  tensors_["m.q.weight_g_idx"] = at::arange(8, at::kInt);
  EXPECT_THAT(error(ErrorCode::Unsupported), HasSubstr("weight_g_idx"));
}

TEST_F(CompressedTensorsSourceTest, EveryMissingTensorIsNamed) {
  const auto good = tensors_;
  for (const auto* suffix : {"_packed", "_scale", "_shape", "_zero_point"}) {
    tensors_ = good;
    tensors_.erase(std::string("m.q.weight") + suffix);
    EXPECT_THAT(error(ErrorCode::Format),
                AllOf(HasSubstr(place_.path()), HasSubstr(std::string("m.q.weight") + suffix)));
  }
}

TEST_F(CompressedTensorsSourceTest, ShapesDtypesAndValuesThatDisagreeAreFormatErrors) {
  const auto good = tensors_;
  const auto refuses = [&](const char* suffix, const at::Tensor& tensor) {
    tensors_ = good;
    tensors_[std::string("m.q.weight") + suffix] = tensor;
    EXPECT_THAT(error(ErrorCode::Format), AllOf(HasSubstr(place_.path()), HasSubstr("m.q.weight")))
        << suffix << tensor;
  };
  refuses("_shape", at::tensor({5, 9}, at::kLong));
  refuses("_shape", at::tensor({5, 4}, at::kLong).add(2));
  refuses("_shape", at::tensor({4, 8}, at::kLong));
  refuses("_shape", at::tensor({-5, 8}, at::kLong));
  refuses("_shape", at::tensor({int64_t{5}, int64_t{1} << 62}, at::kLong));
  refuses("_shape", at::tensor({5, 8, 1}, at::kLong));
  refuses("_shape", at::tensor({5.0, 8.0}, at::kDouble));
  refuses("_packed", at::zeros({5, 2}, at::kInt));
  refuses("_packed", at::zeros({5}, at::kInt));
  refuses("_packed", at::zeros({0, int64_t{1} << 40}, at::kInt));
  refuses("_packed", at::zeros({5, 1}, at::kFloat));
  refuses("_scale", at::zeros({5, 1}));
  refuses("_scale", at::zeros({5, 2}, at::kInt));
  refuses("_scale", at::full({5, 2}, std::numeric_limits<float>::infinity()));
  refuses("_zero_point", at::zeros({2, 2}, at::kInt));
  refuses("_zero_point", at::zeros({5, 1}, at::kChar));
  refuses("_zero_point", at::zeros({1, 2}, at::kFloat));
  refuses("", at::zeros({5, 8}));
}

TEST_F(CompressedTensorsSourceTest, ConfigsThatDisagreeAreFormatErrors) {
  const Json good = config_;
  const auto refuses = [&](const std::string& path, const Json& value) {
    config_ = good;
    config_[Json::json_pointer(path)] = value;
    error(ErrorCode::Format);
  };
  const std::string group = "/config_groups/group_0";
  refuses("/config_groups", Json::array());
  refuses("/config_groups", Json::object());
  refuses(group + "/targets", "Linear");
  refuses(group + "/targets", Json::array({"m.k"}));
  refuses(group + "/weights/num_bits", "four");
  refuses(group + "/weights/num_bits", 8);
  refuses(group + "/weights/symmetric", true);
  refuses(group + "/weights/group_size", 3);
  refuses(group + "/weights/group_size", 8);
  refuses(group + "/weights/strategy", "channel");
  config_ = good;
  weights() = nullptr;
  error(ErrorCode::Format);
}

}  // namespace
}  // namespace mpq
