// Round to nearest: the grid's formulas on cases small enough to check by hand.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/support/quantized.h"

namespace mpq {
namespace {

QuantizedLinear rtn(const std::string& options, const at::Tensor& weight) {
  return quantized("rtn:" + options, {.name = "w", .weight = weight});
}

TEST(Rtn, AsymmetricGridSpansTheRangeWithZeroInIt) {
  const auto weight = at::tensor({-1.0F, 0.0F, 1.0F, 2.0F}).view({1, 4});
  const auto result = rtn("bits=2,group=0", weight);
  EXPECT_FLOAT_EQ(result.grid.scale.item<float>(), 1.0F);
  EXPECT_EQ(result.grid.zero.item<int>(), 1);
  EXPECT_TRUE(at::equal(dequantize(result), weight));
}

TEST(Rtn, SymmetricScaleTurnsTheExtraLevelToTheLongerSide) {
  const auto weight = at::tensor({2.0F, 1.0F, 0.0F, -1.0F}).view({1, 4});
  const auto result = rtn("bits=2,group=0,sym", weight);
  EXPECT_FLOAT_EQ(result.grid.scale.item<float>(), -0.8F);  // max(2 / 2.5, 1 / 1.5), reaching up
  EXPECT_EQ(result.grid.zero.item<int>(), 2);
  EXPECT_TRUE(at::allclose(dequantize(result), at::tensor({1.6F, 0.8F, 0.0F, -0.8F}).view({1, 4})));
}

TEST(Rtn, NoWeightIsMoreThanHalfAStepOff) {
  at::manual_seed(1);
  const auto weight = at::randn({32, 128}, at::kFloat);
  for (const char* sym : {"", ",sym"}) {
    for (int bits = 2; bits <= 8; ++bits) {
      const auto result = rtn(fmt::format("bits={},group=32{}", bits, sym), weight);
      const auto steps = (dequantize(result) - weight).abs().view({32, 4, 32}) /
                         result.grid.scale.abs().unsqueeze(2);
      // An asymmetric grid's rounded zero point may cost another half step at its ends.
      EXPECT_LE(steps.max().item<double>(), *sym == '\0' ? 1.0 : 0.5001) << bits << sym;
    }
  }
}

TEST(Rtn, ShrinkSearchNeverRaisesItsOwnObjective) {
  at::manual_seed(2);
  const auto weight = at::randn({16, 128}, at::kFloat).pow(3);
  const auto objective = [&](const QuantizedLinear& result) {
    return (dequantize(result) - weight).abs().pow(2.4).sum().item<double>();
  };
  for (const int bits : {2, 3, 4}) {
    const auto plain = objective(rtn(fmt::format("bits={},group=64", bits), weight));
    const auto shrunk = objective(rtn(fmt::format("bits={},group=64,mse", bits), weight));
    EXPECT_LT(shrunk, plain) << bits;
  }
}

}  // namespace
}  // namespace mpq
