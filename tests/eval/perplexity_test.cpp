// The definition of perplexity, by hand.
#include "src/eval/perplexity.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace mpq {
namespace {

TEST(Perplexity, IsTheExponentOfTheMeanOverScoredTokens) {
  // Windows 5 and 6 of a layout: two scored tokens and the last one; one scored token.
  const std::vector<Position> positions{{5, 0, 11}, {5, 1, 12}, {5, 2, -1}, {6, 0, 13}};
  TokenScores scores;
  const auto log = [](double x) { return static_cast<float>(std::log(x)); };
  scores.nll = at::tensor({log(2), log(8), 1000.0F, log(4)});
  const auto nll = mean_nll(scores, positions, 5, 2);
  ASSERT_TRUE(nll.has_value());
  EXPECT_EQ(nll->tokens, 3);
  const MeanWithError value = perplexity(*nll);
  EXPECT_NEAR(value.mean, 4, 1e-5);     // the geometric mean of 2, 8 and 4
  EXPECT_NEAR(value.stderr_, 0, 1e-5);  // both windows have it
}

TEST(Perplexity, ErrorFollowsFromThatOfTheMean) {
  const MeanWithError value = perplexity({std::log(10.0), 0.01, 7});
  EXPECT_NEAR(value.mean, 10, 1e-9);
  EXPECT_NEAR(value.stderr_, 0.1, 1e-9);
  EXPECT_EQ(value.tokens, 7);
}

TEST(Perplexity, NothingScoredIsNoFigure) {
  TokenScores scores;
  scores.nll = at::zeros({1});
  EXPECT_FALSE(mean_nll(scores, {{0, 0, -1}}, 0, 1).has_value());
}

}  // namespace
}  // namespace mpq
