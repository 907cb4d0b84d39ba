// Whether additive predictions agree with measurements.
#include "mpq/pipeline/curve.h"

#include <gtest/gtest.h>

#include <cmath>

namespace mpq {
namespace {

TEST(RankCorrelation, IsOneForAnyRisingFunctionAndMinusOneForAFallingOne) {
  EXPECT_DOUBLE_EQ(rank_correlation({{1, 10}, {2, 11}, {3, 500}}), 1);
  EXPECT_DOUBLE_EQ(rank_correlation({{1, 3}, {2, 2}, {3, 1}}), -1);
}

TEST(RankCorrelation, TiesShareTheirMeanRank) {
  // Ranks 0, 1.5, 1.5, 3 against 0, 1, 2, 3: 4.5 / sqrt(4.5 * 5).
  EXPECT_NEAR(rank_correlation({{1, 1}, {2, 2}, {2, 3}, {4, 4}}), 4.5 / std::sqrt(4.5 * 5), 1e-12);
}

TEST(RankCorrelation, TooFewOrNoSpreadIsUnknown) {
  EXPECT_TRUE(std::isnan(rank_correlation({{1, 2}, {2, 3}})));
  EXPECT_TRUE(std::isnan(rank_correlation({{1, 2}, {1, 3}, {1, 4}})));
  EXPECT_TRUE(additivity({{1, 2}, {2, 3}})["rank_correlation"].is_null());
}

TEST(Additivity, RatiosAreMeasuredOverPredicted) {
  const Json result = additivity({{1, 2}, {2, 2}, {4, 2}, {0, 1}});
  EXPECT_EQ(result["plans"], 4);
  EXPECT_EQ(result["ratio"]["min"], 0.5);
  EXPECT_EQ(result["ratio"]["median"], 1.0);
  EXPECT_EQ(result["ratio"]["max"], 2.0);
  EXPECT_TRUE(additivity({})["ratio"].is_null());
}

}  // namespace
}  // namespace mpq
