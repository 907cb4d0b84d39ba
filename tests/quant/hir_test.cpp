// Hybrids: which channels are high-impact, their layout, and what training gains.
#include <gtest/gtest.h>

#include "tests/quant/golden_case.h"

namespace mpq {
namespace {

TEST(Hir, TheChannelsOfTheHighestFisherScoresGetTheHighWidth) {
  const GoldenCase golden("adaround", "b2");
  QuantProblem problem = golden.problem();
  problem.channel_fisher = at::zeros({64}, at::kFloat);
  for (const int channel : {40, 3, 17}) problem.channel_fisher[channel] = channel;
  const auto linear = quantized("hir:bits=2,high=4,ratio=0.05,group=32,iterations=0", problem);
  validate(linear, "hir");
  ASSERT_EQ(linear.pieces.size(), 3U);  // 61 low channels: a group of 32 and a rest of 29; 3 high
  EXPECT_EQ(linear.pieces[0].codes.size(1), 32);
  EXPECT_EQ(linear.pieces[1].codes.size(1), 29);
  EXPECT_EQ(linear.pieces[2].encoding.bits, 4);
  EXPECT_TRUE(linear.order.narrow(0, 61, 3).equal(at::tensor({3, 17, 40}, at::kLong)));
}

TEST(Hir, TrainingAndCompensationLowerTheError) {
  const GoldenCase golden("adaround", "b2");
  const QuantProblem problem = golden.problem();
  const auto error = [&](const std::string& options) {
    return trace_error(
        problem, dequantize(quantized("hir:bits=2,high=3,ratio=0.1,group=32," + options, problem)));
  };
  const double nearest = error("iterations=0");
  const double trained = error("iterations=300");
  EXPECT_LT(trained, 0.9 * nearest);
  EXPECT_LT(error("iterations=300,gptq"), trained);
}

TEST(Hir, MoreHighChannelsLoseLess) {
  const GoldenCase golden("adaround", "b2");
  const QuantProblem problem = golden.problem();
  double last = 1e30;
  for (const char* ratio : {"0.02", "0.1", "0.2", "0.5", "0.9"}) {
    const auto linear =
        quantized(std::string("hir:bits=2,high=4,group=32,iterations=0,ratio=") + ratio, problem);
    const double error = trace_error(problem, dequantize(linear));
    EXPECT_LT(error, last) << ratio;
    last = error;
  }
}

TEST(Hir, RowsOfAHybridAreHybrids) {
  const GoldenCase golden("adaround", "b2");
  const auto linear = quantized("hir:iterations=0,group=32", golden.problem());
  const auto rows = slice_rows(linear, 5, 7);
  validate(rows, "rows");
  EXPECT_TRUE(dequantize(rows).equal(dequantize(linear).narrow(0, 5, 7)));
}

}  // namespace
}  // namespace mpq
