// No scorer does more than it said it would.
#include <gtest/gtest.h>

#include "tests/score/small_context.h"

namespace mpq {
namespace {

class SpentCost : public testing::TestWithParam<const char*> {};

TEST_P(SpentCost, IsWhatWasPredicted) {
  SmallContext small({"rtn:bits=2,group=4", "gptq:bits=3,group=4", "full"});
  const auto scorer = Registry<Scorer>::instance().make(GetParam());
  const ScoreCost predicted = scorer->cost(small.context);
  ScoreCost spent;
  small.context.spent = &spent;
  scorer->score(small.context);
  EXPECT_EQ(spent.block_forwards, predicted.block_forwards);
  EXPECT_EQ(spent.quantizations, predicted.quantizations);
}

TEST(SpentCost, CalmCountsTheTrainingOfItsPool) {
  SmallContext small({"rtn:bits=3,group=4", "signround:bits=3,group=4,iterations=3"});
  const auto calm = Registry<Scorer>::instance().make("calm");
  ScoreCost spent;
  small.context.spent = &spent;
  calm->score(small.context);
  EXPECT_EQ(spent.block_forwards, calm->cost(small.context).block_forwards);
  EXPECT_EQ(spent.block_forwards, 5 * (1 + 1 + 4));
}

INSTANTIATE_TEST_SUITE_P(Scorers, SpentCost,
                         testing::Values("taqo", "hir", "hir:pairs=no", "mse", "cka", "grad",
                                         "grad:draws=0", "taq-kl:draws=2",
                                         "taq-kl:noise=weight,draws=2", "calm"));

}  // namespace
}  // namespace mpq
