// A block stage by stage is the block, whatever is kept in between.
#include "mpq/calib/block_pass.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mpq/core/progress.h"
#include "mpq/io/weight_source.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {

class BlockPasses : public testing::TestWithParam<const char*> {
 protected:
  /// Without room for any, the probed group's inputs are kept for branches alone.
  std::vector<bool> kept(bool branches) const {
    return kept_inputs(*block_.config, groups_, branches, 0);
  }

  std::string source_ = source_path(std::string("tests/golden/architectures/") + GetParam());
  Model model_{source_, open_safetensors_folder(source_), {.dtype = "float32"}};
  MemoryBudget memory_{-1, testing::TempDir()};
  std::vector<SequenceGroup> groups_{
      {BatchPlan({{1, 5, 9, 30, 7, 11}, {1, 44, 3, 8}}, 6), false, true},
      {BatchPlan({{1, 60, 61, 62, 63}}, 64), true, false}};
  DecoderBlock block_ = model_.load_block(0);
  Streams input_ = embed_groups(model_, groups_, memory_);
};

TEST_P(BlockPasses, EqualTheBlock) {
  for (int64_t index = 0; index < model_.config().layers; ++index) {
    block_ = model_.load_block(index);
    const Streams whole = forward_groups(block_, groups_, input_, memory_);
    for (const bool branches : {false, true}) {
      BlockPass pass(groups_, input_, memory_, kept(branches));
      const int64_t before = products_counted();
      const Streams output = pass.finish(block_);
      EXPECT_EQ(products_counted() - before, total_rows(groups_) * block_products(*block_.config));
      for (size_t g = 0; g < groups_.size(); ++g)
        EXPECT_TRUE(at::allclose(output[g], whole[g])) << g;
    }
  }
}

TEST_P(BlockPasses, ShowTheInputsOfEveryStage) {
  BlockPass some(groups_, input_, memory_, kept(true));
  BlockPass none(groups_, input_, memory_, kept(false));
  for (int stage = 0; stage < kStages; ++stage) {
    for (size_t g = 0; g < groups_.size(); ++g) {
      for (const Batch& batch : groups_[g].plan.batches()) {
        StageState expected = enter_block(block_, input_[g].narrow(0, batch.first_row, batch.rows));
        for (int before = 0; before < stage; ++before)
          advance(block_, static_cast<Stage>(before), batch.runs, expected);
        for (const BlockPass* pass : {&some, &none}) {
          const StageState rows = pass->rows(block_, g, batch);
          EXPECT_TRUE(at::allclose(rows.residual, expected.residual)) << stage;
          ASSERT_EQ(rows.input.defined(), expected.input.defined()) << stage;
          if (!expected.input.defined()) continue;
          EXPECT_TRUE(at::allclose(rows.input, expected.input)) << stage;
        }
      }
    }
    some.advance(block_);
    none.advance(block_);
  }
}

TEST_P(BlockPasses, BranchesDoNotTouchTheTrunk) {
  const Streams whole = forward_groups(block_, groups_, input_, memory_);
  const std::vector<SequenceGroup> probed{groups_[0]};
  DecoderBlock changed = block_;
  for (auto& weight : changed.weights) weight = weight * 0.5;
  BlockPass trunk(groups_, input_, memory_, kept(true));
  for (int stage = 0; stage < kStages; ++stage) {
    BlockPass branch = trunk.branch(probed);
    const Streams other = branch.finish(changed);
    EXPECT_EQ(other.size(), 1U);
    const bool reads_weights = block_products(*block_.config, trunk.stage()) > 0;
    EXPECT_EQ(at::allclose(other[0], whole[0]), !reads_weights) << stage;
    trunk.advance(block_);
  }
  const Streams output = trunk.finish(block_);
  for (size_t g = 0; g < groups_.size(); ++g) EXPECT_TRUE(at::allclose(output[g], whole[g])) << g;
  EXPECT_TRUE(at::equal(input_[0], embed_groups(model_, groups_, memory_)[0]));
}

TEST_P(BlockPasses, KeepProbedInputsFirst) {
  const int64_t row = 4 * block_.config->intermediate;
  const auto keeps = [&](bool branches, int64_t rows) {
    return kept_inputs(*block_.config, groups_, branches, rows * row);
  };
  if (block_.config->mixture() || !block_.config->has_mlp()) {  // routed anew, or none
    EXPECT_EQ(keeps(true, 1000), (std::vector<bool>{false, false}));
    return;
  }
  EXPECT_EQ(keeps(false, 15), (std::vector<bool>{true, true}));
  EXPECT_EQ(keeps(false, 14), (std::vector<bool>{true, false}));
  EXPECT_EQ(keeps(false, 9), (std::vector<bool>{false, true}));
  EXPECT_EQ(keeps(true, 9), (std::vector<bool>{true, false}));
}

INSTANTIATE_TEST_SUITE_P(Architectures, BlockPasses,
                         testing::Values("stories260K", "phi3_window", "gemma2", "qwen3_default",
                                         "cohere2", "qwen3_5_text", "qwen3_moe", "qwen2_moe",
                                         "deepseek_v3", "gemma4_dense", "gemma4_moe", "nemotron_h",
                                         "nemotron_h_latent"));

}  // namespace
}  // namespace mpq
