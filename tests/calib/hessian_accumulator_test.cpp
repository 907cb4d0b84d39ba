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
      const auto error =
          (sum.matrix(2.0 / 5000).to(at::kDouble) - expected).abs().max().item<double>();
      EXPECT_LT(error, 2e-5) << in;
      EXPECT_TRUE(at::equal(sum.matrix(2.0 / 5000), sum.matrix(2.0 / 5000).t()));
    }
  }
}

TEST(HessianAccumulator, NothingAddedIsZero) {
  EXPECT_EQ(HessianAccumulator(4).matrix(1).abs().sum().item<double>(), 0);
}

TEST(HessianAccumulator, ScalesWhatWasAdded) {
  const auto x = at::randn({20, 5});
  HessianAccumulator sum(5);
  sum.add(x.narrow(0, 0, 12));
  EXPECT_NEAR(sum.trace(), x.narrow(0, 0, 12).square().sum().item<double>(), 1e-4);
  sum.scale(3);
  sum.add(x.narrow(0, 12, 8));
  const auto first = x.narrow(0, 0, 12);
  const auto rest = x.narrow(0, 12, 8);
  EXPECT_TRUE(at::allclose(
      sum.matrix(0.5), 0.5 * (3 * at::mm(first.t(), first) + at::mm(rest.t(), rest)), 1e-4, 1e-5));
}

}  // namespace
}  // namespace mpq
