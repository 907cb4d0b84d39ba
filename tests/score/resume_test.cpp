// A scoring that was killed goes on with the block it was in, and ends with the same table.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/score/small_context.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

class Resume : public testing::TestWithParam<const char*> {
 protected:
  TemporaryFolder folder_;
};

TEST_P(Resume, FinishedBlocksAreNotMeasuredAgain) {
  SmallContext small({"rtn:bits=2,group=4", "rtn:bits=3,group=4", "full"});
  const auto scorer = Registry<Scorer>::instance().make(GetParam());
  const ScoreTable whole = scorer->score(small.context);
  small.context.finished_folder = folder_.path();
  scorer->score(small.context);
  // As if the last two of five blocks had not been finished.
  fs::remove(folder_.file("block-00003.json"));
  fs::remove(folder_.file("block-00004.json"));
  ScoreCost spent;
  small.context.spent = &spent;
  const ScoreTable resumed = scorer->score(small.context);
  EXPECT_EQ(spent.quantizations, 2 * 4 * 2);
  EXPECT_EQ(resumed.loss, whole.loss);
  EXPECT_EQ(resumed.loss_stderr, whole.loss_stderr);
  EXPECT_EQ(resumed.score, whole.score);
  ASSERT_EQ(resumed.pairs.size(), whole.pairs.size());
  for (size_t i = 0; i < whole.pairs.size(); ++i) {
    EXPECT_EQ(resumed.pairs[i].first, whole.pairs[i].first);
    EXPECT_EQ(resumed.pairs[i].interaction, whole.pairs[i].interaction);
  }
}

INSTANTIATE_TEST_SUITE_P(Scorers, Resume,
                         testing::Values("taqo", "hir", "mse", "cka", "taq-kl:noise=weight"));

}  // namespace
}  // namespace mpq
