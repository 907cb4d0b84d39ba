// A scoring that was killed goes on with the block it was in, and ends with the same table.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "mpq/score/candidate_walk.h"
#include "mpq/score/loss_table.h"
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

TEST(ResumedWalk, GoesOnFromTheKeptStatesOfTheBlockBefore) {
  SmallContext small({"gptq:bits=3,group=4"});
  const TemporaryFolder folder;
  small.context.finished_folder = folder.path();
  std::vector<int64_t> entered;
  std::vector<at::Tensor> outputs(5);
  int64_t failing = 3;
  WalkHooks hooks;
  hooks.enter = [&](const DecoderBlock& block, const GroupHidden&) {
    entered.push_back(block.index);
  };
  hooks.leave = [&](int64_t index, const GroupHidden&, const GroupHidden& output) {
    if (index == failing) throw std::runtime_error("killed");
    outputs[static_cast<size_t>(index)] = output[0].clone();
  };
  ScoreTable table = empty_table(small.context, "");
  EXPECT_THROW(walk_candidates(small.context, "", hooks, "walk", table), std::runtime_error);
  EXPECT_TRUE(fs::exists(folder.file("hidden.safetensors")));
  failing = -1;
  ScoreCost spent;
  small.context.spent = &spent;
  walk_candidates(small.context, "", hooks, "walk", table);
  EXPECT_EQ(entered, (std::vector<int64_t>{0, 1, 2, 3, 3, 4}));
  EXPECT_EQ(spent.block_forwards, 2);
  EXPECT_FALSE(fs::exists(folder.file("hidden.safetensors")));
  // The last block's output is that of a walk that was left alone.
  const at::Tensor resumed = outputs[4];
  small.context.finished_folder.clear();
  walk_candidates(small.context, "", hooks, "walk", table);
  EXPECT_TRUE(at::equal(outputs[4], resumed));
}

INSTANTIATE_TEST_SUITE_P(Scorers, Resume,
                         testing::Values("taqo", "hir", "mse", "cka", "taq-kl:noise=weight"));

}  // namespace
}  // namespace mpq
