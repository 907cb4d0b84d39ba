// AdaRound against torch's Adam (tools/golden/make_learned.py).
#include <gtest/gtest.h>

#include "tests/quant/golden_case.h"

namespace mpq {
namespace {

class AdaRoundGolden : public testing::TestWithParam<std::string> {};

TEST_P(AdaRoundGolden, FinalErrorIsWithinFivePercent) {
  const GoldenCase golden("adaround", GetParam());
  const QuantProblem problem = golden.problem();
  const auto result = quantized("adaround:" + golden.encoding(), problem);
  const double expected = golden.meta.at("final");
  const double error = trace_error(problem, dequantize(result)) / 2;
  EXPECT_LT(error, 1.05 * expected);
  EXPECT_GT(error, 0.8 * expected);
  EXPECT_LT(error, golden.meta.at("initial"));
}

INSTANTIATE_TEST_SUITE_P(Cases, AdaRoundGolden, testing::Values("b3", "b2"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace mpq
