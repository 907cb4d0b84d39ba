// CALM: the winner by block, and the two kinds of prefix.
#include <gtest/gtest.h>

#include "tests/score/small_context.h"

namespace mpq {
namespace {

TEST(Calm, ChoosesTheAlgorithmThatKeepsTheUpdate) {
  // Two-bit rounding never keeps it better than six-bit rounding.
  const SmallContext small({"rtn:bits=2,group=4", "rtn:bits=6,group=4"});
  for (const char* spec : {"calm", "calm:prefix=full"}) {
    const ScoreTable table = run(spec, small);
    for (const auto& chosen : table.details["chosen"]) EXPECT_EQ(chosen, "rtn:bits=6,group=4");
    for (const auto& loss : table.loss) EXPECT_GT(loss[0], loss[1]);
  }
}

TEST(Calm, UnitsOfABlockAgree) {
  const SmallContext small({"rtn:bits=3,group=4", "gptq:bits=3,group=4", "hqq:bits=3,group=4"});
  const ScoreTable table = run("calm", small);
  for (size_t u = 0; u < table.loss.size(); ++u) {
    const auto best = std::min_element(table.loss[u].begin(), table.loss[u].end());
    const auto index = static_cast<size_t>(best - table.loss[u].begin());
    const auto block = static_cast<size_t>(small.context.units[u].unit.block);
    EXPECT_EQ(table.details["chosen"][block], small.context.units[u].candidates[index]);
  }
}

TEST(Calm, APrefixOfQuantizedBlocksIsFurtherAway) {
  const SmallContext small({"rtn:bits=2,group=4"});
  const ScoreTable quantized = run("calm", small);
  const ScoreTable full = run("calm:prefix=full", small);
  // The first block has no prefix; the last one's is all of the model.
  EXPECT_NEAR(quantized.loss.front()[0], full.loss.front()[0], 1e-9);
  EXPECT_GT(quantized.loss.back()[0], full.loss.back()[0]);
}

TEST(Calm, CostIsOneForwardAnAlgorithmAndBlock) {
  const SmallContext small({"rtn:bits=2,group=4", "rtn:bits=3,group=4", "rtn:bits=4,group=4"});
  const ScoreCost cost = Registry<Scorer>::instance().make("calm")->cost(small.context);
  EXPECT_EQ(cost.products, 5 * (1 + 3) * total_rows(small.context.groups) *
                               block_products(small.model->config().blocks.front()));
}

}  // namespace
}  // namespace mpq
