// Checkpoints in FP8 against products by hand.
#include "mpq/format/fp8_source.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "mpq/io/safetensors.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {

class Fp8 : public testing::Test {
 protected:
  std::unique_ptr<WeightSource> open(const std::string& suffix, const at::Tensor& scale,
                                     const Json& quantization) {
    save_tensors(folder_.file("model.safetensors"),
                 {{"a.weight", weight_}, {"a.weight" + suffix, scale}, {"norm.weight", norm_}});
    return open_fp8(folder_.path(), quantization);
  }

  TemporaryFolder folder_;
  at::Tensor weight_ = at::randn({5, 7}).to(at::kFloat8_e4m3fn);
  at::Tensor norm_ = at::ones({7}, at::kBFloat16);
};

TEST_F(Fp8, BlocksReachTheirRowsAndColumns) {
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

TEST_F(Fp8, OneScaleOrOneARow) {
  const at::Tensor one = at::tensor({0.5F}), rows = at::arange(1, 6, at::kFloat);
  EXPECT_TRUE(open("_scale", one, Json::object())
                  ->load("a.weight")
                  .equal((weight_.to(at::kFloat) * 0.5).to(at::kBFloat16)));
  EXPECT_TRUE(open("_scale", rows.view({5, 1}), Json::object())
                  ->load("a.weight")
                  .equal((weight_.to(at::kFloat) * rows.view({5, 1})).to(at::kBFloat16)));
}

TEST_F(Fp8, WhatDoesNotFitIsRefused) {
  const auto refuses = [&](const std::string& suffix, const at::Tensor& scale) {
    return error_of(ErrorCode::Format, [&] { open(suffix, scale, Json::object()); });
  };
  EXPECT_THAT(refuses("_scale_inv", at::ones({2, 2})), testing::HasSubstr("no scale of [5, 7]"));
  EXPECT_THAT(refuses("_scale", at::ones({7})), testing::HasSubstr("no scale of [5, 7]"));
  EXPECT_THAT(refuses(".other", at::ones({1})), testing::HasSubstr("a.weight_scale"));
}

}  // namespace
}  // namespace mpq
