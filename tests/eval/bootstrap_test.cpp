// Standard errors by resampling against formulas that hold for large samples.
#include "src/eval/bootstrap.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace mpq {
namespace {

TEST(QuantileErrors, OfIndependentNormalDrawsAreTheAsymptoticOnes) {
  at::manual_seed(1);
  const int64_t count = 4000;
  const auto values = at::randn({count}, at::kDouble);
  const auto errors = quantile_errors(values, at::arange(count, at::kLong), count, {0.5, 0.9});
  // sqrt(q (1 - q) / n) / density at the quantile: 0.3989 and 0.1755.
  const double root = std::sqrt(static_cast<double>(count));
  EXPECT_NEAR(errors[0], 0.5 / root / 0.3989, 0.2 * errors[0]);
  EXPECT_NEAR(errors[1], 0.3 / root / 0.1755, 0.2 * errors[1]);
}

TEST(QuantileErrors, TokensOfOneSequenceAreNotIndependent) {
  at::manual_seed(1);
  const auto documents = at::randn({400}, at::kDouble);
  const auto sequence = at::arange(400, at::kLong).repeat_interleave(10);
  const auto alone = quantile_errors(documents, at::arange(400, at::kLong), 400, {0.5})[0];
  const auto repeated = quantile_errors(documents.repeat_interleave(10), sequence, 400, {0.5})[0];
  EXPECT_NEAR(repeated, alone, 0.05 * alone);
}

TEST(QuantileErrors, OneSequenceHasNone) {
  const auto values = at::tensor({1.0, 2.0});
  for (const double error : quantile_errors(values, at::zeros({2}, at::kLong), 1, {0.5, 1}))
    EXPECT_TRUE(std::isnan(error));
  EXPECT_GT(quantile_errors(values, at::arange(2, at::kLong), 2, {0.5})[0], 0);
}

TEST(QuantileErrors, OfWhatIsNoNumberAreNotZero) {
  const auto values = at::full({2}, std::numeric_limits<double>::quiet_NaN(), at::kDouble);
  EXPECT_TRUE(std::isnan(quantile_errors(values, at::arange(2, at::kLong), 2, {0.5})[0]));
}

}  // namespace
}  // namespace mpq
