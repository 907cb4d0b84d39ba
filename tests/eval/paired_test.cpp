// Paired differences against values computed by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "mpq/core/error.h"
#include "mpq/eval/evaluate.h"

namespace mpq {
namespace {

TEST(ComparePaired, MeanAndErrorOfTheDifferences) {
  const PairedDifference result = compare_paired({1, 2, 3, 5}, {0, 0, 0, 1});
  EXPECT_EQ(result.pairs, 4);
  EXPECT_DOUBLE_EQ(result.mean, 2.5);
  EXPECT_NEAR(result.stderr_, std::sqrt((2.25 + 0.25 + 0.25 + 2.25) / 3 / 4), 1e-12);
  EXPECT_NEAR(result.sign_test_p, 2.0 / 16, 1e-12);
}

TEST(ComparePaired, SignTestIsExactAndDropsTies) {
  // 9 against 1: 2 (1 + 10) / 1024.
  std::vector<double> a(10, 1.0);
  const std::vector<double> zeros(10, 0.0);
  a[3] = -5;
  EXPECT_NEAR(compare_paired(a, zeros).sign_test_p, 22.0 / 1024, 1e-12);
  EXPECT_NEAR(compare_paired(zeros, a).sign_test_p, 22.0 / 1024, 1e-12);
  // 5 against 3 with two ties: 2 (1 + 8 + 28 + 56) / 256.
  EXPECT_NEAR(compare_paired({1, 1, 1, 1, 1, -1, -1, -1, 0, 0}, zeros).sign_test_p, 186.0 / 256,
              1e-12);
  EXPECT_EQ(compare_paired({1, -1}, {0, 0}).sign_test_p, 1);
  EXPECT_EQ(compare_paired({4, 4}, {4, 4}).sign_test_p, 1);
  // 600 of 1000, where a product of factorials would overflow.
  std::vector<double> many(1000, 1.0);
  for (size_t i = 0; i < 400; ++i) many[i] = -1;
  EXPECT_NEAR(compare_paired(many, std::vector<double>(1000, 0.0)).sign_test_p,
              2.72846415606602e-10, 1e-20);
}

TEST(ComparePaired, PromptsWithoutAFigureAreLeftOut) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const PairedDifference result = compare_paired({kNone, 1, 3}, {1, kNone, 1});
  EXPECT_EQ(result.pairs, 1);
  EXPECT_DOUBLE_EQ(result.mean, 2);
  EXPECT_TRUE(std::isnan(result.stderr_));
  EXPECT_EQ(compare_paired({}, {}).pairs, 0);
  EXPECT_TRUE(std::isnan(compare_paired({kNone}, {1}).stderr_));
}

TEST(ComparePaired, DifferentLengthsAreAnError) {
  EXPECT_THROW(compare_paired({1}, {1, 2}), Error);
}

}  // namespace
}  // namespace mpq
