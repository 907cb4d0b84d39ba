// Pair losses against direct joint measurements.
#include <gtest/gtest.h>

#include <cmath>

#include "mpq/model/divergence.h"
#include "mpq/score/candidate_walk.h"
#include "tests/score/small_context.h"
#include "tests/support/error_of.h"
#include "tests/support/quantized.h"

namespace mpq {
namespace {

TEST(HirScorer, InteractionsAreWhatTwoChoicesLoseTogether) {
  const SmallContext small({"rtn:bits=2,group=4", "rtn:bits=3,group=4"});
  const ScoreTable table =
      Registry<Scorer>::instance().make("hir:text_weight=0")->score(small.context);
  // 5 blocks of 4 units: 6 pairs each.
  ASSERT_EQ(table.pairs.size(), 30U);
  const Model& model = *small.model;
  for (const size_t index : {size_t{0}, size_t{10}, size_t{29}}) {
    const PairLoss& pair = table.pairs[index];
    const auto& first = small.context.units[pair.first];
    const auto& second = small.context.units[pair.second];
    ASSERT_EQ(first.unit.block, second.unit.block);
    const DecoderBlock block = model.load_block(first.unit.block);
    const auto weight = [&](const ScoredUnit& unit, size_t candidate) {
      return dequantize(quantized(unit.candidates[candidate],
                                  {.name = "w", .weight = stacked_weight(block, unit.unit)}));
    };
    for (size_t a = 0; a < 2; ++a) {
      const double joint =
          direct_kl(small, {{first.unit, weight(first, a)}, {second.unit, weight(second, 1)}});
      const double expected = joint - table.loss[pair.first][a] - table.loss[pair.second][1];
      EXPECT_NEAR(pair.interaction[a][1], expected, 1e-4 * joint + 1e-7) << index;
    }
  }
}

TEST(HirScorer, APairThatIsNotFiniteIsNamed) {
  SmallContext small({"rtn:bits=2,group=4"});
  overflow_together(small);
  const auto& registry = Registry<Scorer>::instance();
  const ScoreTable alone = registry.make("hir:pairs=no")->score(small.context);
  for (const auto& loss : alone.loss) EXPECT_TRUE(std::isfinite(loss[0]));
  const std::string message =
      error_of(ErrorCode::Numeric, [&] { registry.make("hir")->score(small.context); });
  for (const size_t unit : {0U, 1U})
    EXPECT_NE(message.find(small.context.units[unit].unit.name + " by rtn:bits=2,group=4"),
              std::string::npos)
        << message;
  EXPECT_NE(message.find("float32"), std::string::npos) << message;
}

TEST(HirScorer, CostCountsSinglesAndPairs) {
  const SmallContext small({"rtn:bits=2,group=4", "rtn:bits=3,group=4"});
  const ScoreCost cost = Registry<Scorer>::instance().make("hir")->cost(small.context);
  // By block, 4 units of 2 choices: 8 singles from their stage on and 6 pairs of 4 through the
  // whole block, each through the later ones, 4 + 3 + 2 + 1.
  const ModelConfig& config = small.model->config();
  int64_t own = 0;
  for (int stage = 0; stage < kStages; ++stage)
    own += 2 * block_products(config.blocks.front(), static_cast<Stage>(stage));
  EXPECT_EQ(cost.products,
            probed_rows(small.context) *
                ((10 + (8 + 24) * 10 + 5 * 24) * block_products(config.blocks.front()) + 5 * own));
}

}  // namespace
}  // namespace mpq
