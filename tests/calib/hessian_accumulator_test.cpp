// Hessians against their definition in float64.
#include "mpq/calib/hessian_accumulator.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace mpq {
namespace {

at::Tensor direct(const at::Tensor& x) {
  const auto wide = x.to(at::kDouble);
  return at::mm(wide.t(), wide) * (2.0 / static_cast<double>(x.size(0)));
}

TEST(HessianAccumulator, EqualsTheDefinitionAcrossStripsBatchesAndDtypes) {
  for (const auto dtype : {at::kFloat, at::kBFloat16, at::kHalf}) {
    for (const int64_t in : {7, 1024, 1500}) {
      at::manual_seed(in);
      const auto x = at::randn({5000, in}, at::kFloat).to(dtype);
      HessianAccumulator sum(in);
      sum.add(x.narrow(0, 0, 123));
      sum.add(x.narrow(0, 123, 4877));
      const auto expected = direct(x);
      const auto error = (sum.mean().to(at::kDouble) - expected).abs().max().item<double>();
      EXPECT_LT(error, 2e-5) << in;
      EXPECT_TRUE(at::equal(sum.mean(), sum.mean().t()));
    }
  }
}

TEST(HessianAccumulator, NothingAddedIsZero) {
  EXPECT_EQ(HessianAccumulator(4).mean().abs().sum().item<double>(), 0);
}

TEST(BlendHessians, NormalisesEachByItsMeanDiagonal) {
  const auto task = at::eye(3, at::kFloat) * 100;
  const auto text = at::ones({3, 3}, at::kFloat);
  const auto blend = blend_hessians(task, text, 0.25);
  EXPECT_TRUE(
      at::allclose(blend, at::eye(3, at::kFloat) * 0.75 + at::ones({3, 3}, at::kFloat) * 0.25));
  EXPECT_TRUE(at::equal(blend_hessians(task, text, 0), task));
  EXPECT_TRUE(at::equal(blend_hessians(task, at::zeros({3, 3}, at::kFloat), 0.25), task));
  EXPECT_TRUE(at::equal(blend_hessians(at::zeros({3, 3}, at::kFloat), text, 0.25), text));
}

}  // namespace
}  // namespace mpq
