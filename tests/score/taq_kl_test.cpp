// TAQ-KL: its noise's size, its seed, and that only what follows the noise changes.
#include <gtest/gtest.h>

#include "tests/score/small_context.h"

namespace mpq {
namespace {

std::vector<double> scores(const std::string& spec, const SmallContext& small) {
  return run(spec, small).score;
}

TEST(TaqKl, IsDeterministicForASeed) {
  SmallContext small({"full"});
  const auto first = scores("taq-kl", small);
  EXPECT_EQ(first, scores("taq-kl", small));
  small.context.seed = 1;
  EXPECT_NE(first, scores("taq-kl", small));
}

TEST(TaqKl, NoNoiseNoDivergence) {
  SmallContext small({"full"});
  for (auto& block : small.statistics) block.last_token_range = 0;
  for (const double score : scores("taq-kl", small)) EXPECT_NEAR(score, 0, 1e-7);
}

TEST(TaqKl, AFinerWidthMeansLessNoise) {
  const SmallContext small({"full"});
  const auto coarse = scores("taq-kl:bits=3,draws=4", small);
  const auto fine = scores("taq-kl:bits=6,draws=4", small);
  for (size_t u = 0; u < coarse.size(); ++u) EXPECT_GT(coarse[u], fine[u]);
}

TEST(TaqKl, WeightNoiseGivesEveryCandidateALossThatFallsWithItsWidth) {
  const SmallContext small({"rtn:bits=2,group=4", "rtn:bits=6,group=4", "full"});
  const auto scorer = Registry<Scorer>::instance().make("taq-kl:noise=weight,draws=4");
  EXPECT_TRUE(scorer->measures_loss());
  const ScoreTable table = scorer->score(small.context);
  for (size_t u = 0; u < table.loss.size(); ++u) {
    EXPECT_GT(table.loss[u][0], table.loss[u][1]) << u;
    EXPECT_GT(table.loss[u][1], 0) << u;
    EXPECT_EQ(table.loss[u][2], 0);
  }
  EXPECT_EQ(table.loss, scorer->score(small.context).loss);
}

}  // namespace
}  // namespace mpq
