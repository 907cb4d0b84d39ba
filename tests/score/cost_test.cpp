// No scorer does more than it said it would.
#include <gtest/gtest.h>

#include "mpq/core/progress.h"
#include "tests/score/small_context.h"

namespace mpq {
namespace {

class SpentCost : public testing::TestWithParam<const char*> {};

TEST_P(SpentCost, IsWhatWasPredicted) {
  SmallContext small({"rtn:bits=2,group=4", "gptq:bits=3,group=4", "full"});
  const auto scorer = Registry<Scorer>::instance().make(GetParam());
  for (const int64_t kept : {kKeptInputBytes, int64_t{0}}) {
    small.context.kept_bytes = kept;
    const ScoreCost predicted = scorer->cost(small.context);
    int64_t quantizations = 0;
    small.context.quantizations = &quantizations;
    const int64_t before = products_counted();
    scorer->score(small.context);
    EXPECT_EQ(products_counted() - before, predicted.products) << kept;
    EXPECT_EQ(quantizations, predicted.quantizations);
  }
}

TEST(SpentCost, CalmCountsTheTrainingOfItsPool) {
  SmallContext small({"rtn:bits=3,group=4", "signround:bits=3,group=4,iterations=3"});
  const auto calm = Registry<Scorer>::instance().make("calm");
  const int64_t before = products_counted();
  calm->score(small.context);
  const int64_t products = products_counted() - before;
  EXPECT_EQ(products, calm->cost(small.context).products);
  // Forwards of the model, of one algorithm, of the other and its target, two errors, and three
  // steps of three products.
  const int64_t once =
      total_rows(small.context.groups) * block_products(small.model->config().blocks.front());
  EXPECT_GT(products, 5 * once * (1 + 1 + 2 + 2));
  EXPECT_LE(products, 5 * once * (1 + 1 + 2 + 2 + 9));
}

INSTANTIATE_TEST_SUITE_P(Scorers, SpentCost,
                         testing::Values("taqo", "taqo:text_weight=0", "hir", "hir:pairs=no", "mse",
                                         "cka", "grad", "grad:draws=0", "taq-kl:draws=2",
                                         "taq-kl:noise=weight,draws=2", "calm"));

}  // namespace
}  // namespace mpq
