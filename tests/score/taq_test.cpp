// TAQ on statistics whose information and stability are known.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "mpq/score/scorer.h"
#include "tests/support/error_of.h"

namespace mpq {
namespace {

/// Vectors along `directions` axes, both ways: the centred Gram matrix has that many equal
/// eigenvalues.
BlockStatistics axes(int64_t directions, double variance) {
  BlockStatistics block;
  const auto eye = at::eye(directions, at::kFloat);
  block.reservoir = at::cat({eye, -eye}, 0);
  block.variance = variance;
  block.mean_abs = std::sqrt(variance);
  return block;
}

ScoreTable run(const std::string& spec, const std::vector<BlockStatistics>& blocks) {
  ScoreContext context;
  context.statistics = &blocks;
  for (size_t i = 0; i < blocks.size(); ++i) {
    Unit unit;
    unit.block = static_cast<int64_t>(i);
    context.units.push_back({unit, {}});
  }
  return Registry<Scorer>::instance().make(spec)->score(context);
}

TEST(Taq, InformationIsTheSpectralEntropy) {
  const auto table = run("taq", {axes(2, 1), axes(8, 2), axes(32, 3)});
  for (size_t i = 0; i < 3; ++i) {
    const double expected = std::log(std::pow(4.0, static_cast<double>(i)) * 2);
    EXPECT_NEAR(table.details["blocks"][i]["information"], expected, 1e-6);
    EXPECT_DOUBLE_EQ(table.details["blocks"][i]["stability"], -(static_cast<double>(i) + 1));
  }
  // Both z-scores run -1, 0, 1 against each other: the sum is 0 for every block.
  for (const double score : table.score) EXPECT_NEAR(score, 0, 1e-6);
}

TEST(Taq, WeightsAndNormalizedStability) {
  const std::vector<BlockStatistics> blocks = {axes(2, 1), axes(8, 4), axes(32, 9)};
  const auto information = run("taq:information=1,stability=0", blocks).score;
  EXPECT_NEAR(information[0], -1, 1e-6);
  EXPECT_NEAR(information[2], 1, 1e-6);
  // Var / (E|h|)^2 is the same everywhere: nothing is left to rank by but rounding of the 1e-8.
  const auto table = run("taq:normalized", blocks);
  EXPECT_NEAR(table.details["blocks"][0]["stability"], table.details["blocks"][2]["stability"],
              1e-6);
}

TEST(Taq, StatisticsThatAreNoNumberAreNoneOfTheRanks) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  BlockStatistics reservoir = axes(8, 2);
  reservoir.reservoir[3][1] = nan;
  for (const BlockStatistics& broken : {axes(8, nan), reservoir}) {
    const std::string message = error_of(ErrorCode::Numeric, [&] {
      run("taq", {axes(2, 1), broken, axes(32, 3)});
    });
    EXPECT_NE(message.find("block 1"), std::string::npos) << message;
  }
}

TEST(Taq, IsARankOnly) {
  EXPECT_FALSE(Registry<Scorer>::instance().make("taq")->measures_loss());
  EXPECT_TRUE(run("taq", {axes(2, 1), axes(4, 1)}).loss.empty());
}

}  // namespace
}  // namespace mpq
