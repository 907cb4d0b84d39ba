// Checkpoints in FP8 and NVFP4 against products by hand.
#include "mpq/format/small_floats_source.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <array>

#include "mpq/io/safetensors.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {

class SmallFloats : public testing::Test {
 protected:
  std::unique_ptr<WeightSource> open(const std::string& suffix, const at::Tensor& scale,
                                     const Json& quantization) {
    save_tensors(folder_.file("model.safetensors"),
                 {{"a.weight", weight_}, {"a.weight" + suffix, scale}, {"norm.weight", norm_}});
    return open_small_floats(folder_.path(), quantization);
  }

  TemporaryFolder folder_;
  at::Tensor weight_ = at::randn({5, 7}).to(at::kFloat8_e4m3fn);
  at::Tensor norm_ = at::ones({7}, at::kBFloat16);
};

TEST_F(SmallFloats, BlocksReachTheirRowsAndColumns) {
  const at::Tensor scale = at::tensor({1.0F, 2.0F, 3.0F, 4.0F, 5.0F, 6.0F}).view({2, 3});
  const auto source = open("_scale_inv", scale, {{"weight_block_size", {4, 3}}});
  EXPECT_THAT(source->names(), testing::ElementsAre("a.weight", "norm.weight"));
  EXPECT_EQ(source->dtype("a.weight"), at::kBFloat16);
  at::Tensor expected = weight_.to(at::kFloat);
  for (int64_t row = 0; row < 5; ++row) {
    for (int64_t column = 0; column < 7; ++column)
      expected[row][column] *= scale[row / 4][column / 3];
  }
  EXPECT_TRUE(source->load("a.weight").equal(expected.to(at::kBFloat16)));
  EXPECT_TRUE(source->load("norm.weight").equal(norm_));
}

TEST_F(SmallFloats, OneScaleOrOneARow) {
  const at::Tensor one = at::tensor({0.5F}), rows = at::arange(1, 6, at::kFloat);
  EXPECT_TRUE(open("_scale", one, Json::object())
                  ->load("a.weight")
                  .equal((weight_.to(at::kFloat) * 0.5).to(at::kBFloat16)));
  EXPECT_TRUE(open("_scale", rows.view({5, 1}), Json::object())
                  ->load("a.weight")
                  .equal((weight_.to(at::kFloat) * rows.view({5, 1})).to(at::kBFloat16)));
}

TEST_F(SmallFloats, ABlockBeyondTheMatrixIsAllOfIt) {
  const int64_t most = std::numeric_limits<int64_t>::max();
  const auto source =
      open("_scale_inv", at::full({1, 1}, 0.5F), {{"weight_block_size", {most, most}}});
  EXPECT_TRUE(source->load("a.weight").equal((weight_.to(at::kFloat) * 0.5).to(at::kBFloat16)));
}

TEST_F(SmallFloats, WhatDoesNotFitIsRefused) {
  const auto refuses = [&](const std::string& suffix, const at::Tensor& scale) {
    return error_of(ErrorCode::Format, [&] { open(suffix, scale, Json::object()); });
  };
  EXPECT_THAT(refuses("_scale_inv", at::ones({2, 2})), testing::HasSubstr("no scale of [5, 7]"));
  EXPECT_THAT(refuses("_scale", at::ones({7})), testing::HasSubstr("no scale of [5, 7]"));
  EXPECT_THAT(refuses(".other", at::ones({1})), testing::HasSubstr("a.weight_scale"));
}

/// As NVIDIA ModelOpt writes them, with the scales of activations and caches beside.
class Nvfp4 : public testing::Test {
 protected:
  std::unique_ptr<WeightSource> open() {
    save_tensors(folder_.file("model.safetensors"), tensors_);
    return open_small_floats(folder_.path(), {{"quant_method", "modelopt"}});
  }

  TemporaryFolder folder_;
  at::Tensor bytes_ = at::randint(0, 256, {3, 16}).to(at::kByte);
  at::Tensor scale_ = at::rand({3, 2}).add(0.5).to(at::kFloat8_e4m3fn);
  std::map<std::string, at::Tensor> tensors_{{"a.weight", bytes_},
                                             {"a.weight_scale", scale_},
                                             {"a.weight_scale_2", at::full({}, 0.25F)},
                                             {"a.input_scale", at::full({}, 3.0F)},
                                             {"k_proj.k_scale", at::full({}, 1.0F)},
                                             {"norm.weight", at::ones({7}, at::kBFloat16)}};
};

TEST_F(Nvfp4, PairsAreNumbersTimesBothScales) {
  const auto source = open();
  EXPECT_THAT(source->names(), testing::ElementsAre("a.weight", "norm.weight"));
  EXPECT_THAT(source->shape("a.weight"), testing::ElementsAre(3, 32));
  const std::array<float, 8> magnitudes{0, 0.5, 1, 1.5, 2, 3, 4, 6};
  const at::Tensor weight = source->load("a.weight");
  for (int64_t row = 0; row < 3; ++row) {
    for (int64_t column = 0; column < 32; ++column) {
      const int byte = bytes_[row][column / 2].item<int>();
      const int code = column % 2 == 0 ? byte & 15 : byte >> 4;
      const float scale = scale_[row][column / 16].to(at::kFloat).item<float>() * 0.25F;
      const float expected = magnitudes[static_cast<size_t>(code & 7)] * scale;
      EXPECT_EQ(weight[row][column].item<float>(), code < 8 ? expected : -expected);
    }
  }
}

TEST_F(Nvfp4, OtherScalesAreRefused) {
  tensors_["a.weight_scale"] = at::ones({3, 4}).to(at::kFloat8_e4m3fn);
  EXPECT_THAT(error_of(ErrorCode::Format, [&] { open(); }), testing::HasSubstr("no scale of"));
  tensors_["a.weight_scale"] = at::ones({3, 2});
  EXPECT_THAT(error_of(ErrorCode::Format, [&] { open(); }), testing::HasSubstr("8-bit floats"));
}

}  // namespace
}  // namespace mpq
