// Quantiles, clustered errors and means by sequence.
#include "src/eval/divergence_summary.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cmath>

namespace mpq {
namespace {

TEST(Quantile, EqualsNumpy) {
  const auto values = at::tensor({3.0, 1.0, 2.0, 7.0, 5.5, 0.25, 9.0, 4.0}, at::kDouble);
  // numpy.quantile of the same values.
  EXPECT_DOUBLE_EQ(linear_quantile(values, 0), 0.25);
  EXPECT_DOUBLE_EQ(linear_quantile(values, 0.5), 3.5);
  EXPECT_DOUBLE_EQ(linear_quantile(values, 0.9), 7.6);
  EXPECT_DOUBLE_EQ(linear_quantile(values, 0.99), 8.86);
  EXPECT_DOUBLE_EQ(linear_quantile(values, 0.999), 8.986);
  EXPECT_DOUBLE_EQ(linear_quantile(values, 1), 9);
  EXPECT_DOUBLE_EQ(linear_quantile(at::tensor({2.5F}), 0.99), 2.5);
}

TEST(DivergenceSummary, ClustersBySequence) {
  TokenScores scores;
  scores.kl = at::tensor({1.0F, 2.0F, 3.0F, 6.0F});
  scores.same = at::tensor({1.0F, 1.0F, 0.0F, 1.0F});
  const auto sequence = at::tensor({0, 0, 1, 1}, at::kLong);
  const Divergence summary = summarize(scores, sequence, 2);
  EXPECT_DOUBLE_EQ(summary.kl.mean, 3);
  EXPECT_EQ(summary.kl.tokens, 4);
  // Residual sums of the sequences are -3 and 3: sqrt(18 * 2 / 1) / 4.
  EXPECT_DOUBLE_EQ(summary.kl.stderr_, 1.5);
  EXPECT_DOUBLE_EQ(summary.median, 2.5);
  EXPECT_DOUBLE_EQ(summary.maximum, 6);
  EXPECT_DOUBLE_EQ(summary.top1_agreement.mean, 0.75);
  EXPECT_THAT(mean_by_sequence(scores.kl, sequence, 2), testing::ElementsAre(1.5, 4.5));
}

}  // namespace
}  // namespace mpq
