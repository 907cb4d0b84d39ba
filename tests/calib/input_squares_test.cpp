// Sums of squares against those of another pass, their blend against its definition.
#include "mpq/calib/input_squares.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "mpq/calib/block_pass.h"
#include "mpq/core/progress.h"
#include "mpq/io/weight_source.h"
#include "mpq/model/block_loop.h"
#include "tests/support/error_of.h"
#include "tests/support/source_path.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {

class InputSquaresOf : public testing::TestWithParam<const char*> {
 protected:
  InputSquares sum(const std::string& state_folder = "") {
    return input_squares(model_, groups_, memory_, state_folder);
  }
  void expect_equal(const InputSquares& found, const InputSquares& expected) const {
    EXPECT_EQ(found.tokens, expected.tokens);
    EXPECT_TRUE(at::equal(found.head, expected.head));
    for (size_t block = 0; block < expected.blocks.size(); ++block) {
      for (size_t stage = 0; stage < kStages; ++stage)
        EXPECT_TRUE(at::equal(found.blocks[block][stage], expected.blocks[block][stage]))
            << block << " " << stage;
    }
  }

  std::string source_ = source_path(std::string("tests/golden/architectures/") + GetParam());
  Model model_{source_, open_safetensors_folder(source_), {.dtype = "float32"}};
  MemoryBudget memory_{-1, testing::TempDir()};
  std::vector<SequenceGroup> groups_{{BatchPlan({{1, 5, 9, 30, 7, 11}, {1, 44, 3, 8}}, 6), false},
                                     {BatchPlan({{1, 60, 61, 62, 63}}, 64), true},
                                     {BatchPlan({{1, 17, 4}}, 64), false}};
};

TEST_P(InputSquaresOf, AreThoseThatTheLinearsRead) {
  const ModelConfig& config = model_.config();
  const int64_t before = products_counted();
  const InputSquares squares = sum();
  EXPECT_EQ(products_counted() - before, total_rows(groups_) * model_products(config));
  EXPECT_EQ(squares.tokens, (std::array<int64_t, 2>{13, 5}));
  Streams streams = embed_groups(model_, groups_, memory_);
  const auto expect = [&](const at::Tensor& sums, const auto& rows_of_batch) {
    if (sums.size(1) == 0) return;  // no linears
    at::Tensor expected = at::zeros_like(sums);
    for (size_t g = 0; g < groups_.size(); ++g) {
      for (const Batch& batch : groups_[g].plan.batches())
        expected[groups_[g].text ? 1 : 0] +=
            rows_of_batch(g, batch).to(at::kDouble).square().sum(0);
    }
    EXPECT_TRUE(at::allclose(sums, expected, 1e-5, 1e-9));
  };
  for (int64_t index = 0; index < config.layers; ++index) {
    const DecoderBlock block = model_.load_block(index);
    BlockPass pass(groups_, streams, memory_, std::vector<bool>(groups_.size()));
    for (int stage = 0; stage < kStages; ++stage) {
      expect(squares.at(index, static_cast<Stage>(stage)),
             [&](size_t g, const Batch& batch) { return pass.rows(block, g, batch).input; });
      if (stage + 1 < kStages) pass.advance(block);
    }
    streams = pass.finish(block);
  }
  expect(squares.head, [&](size_t g, const Batch& batch) {
    return model_.normalised(rows_of(streams[g], batch));
  });
}

TEST_P(InputSquaresOf, AreReadBackAsTheyWere) {
  const TemporaryFolder folder;
  const InputSquares squares = sum();
  save_input_squares(folder.file("squares"), squares);
  expect_equal(load_input_squares(folder.file("squares"), model_.config()), squares);
  ModelConfig other = model_.config();
  ++other.layers;
  other.blocks.push_back(other.blocks.front());
  EXPECT_NE(error_of(ErrorCode::Format, [&] { load_input_squares(folder.file("squares"), other); })
                .find("delete the file"),
            std::string::npos);
}

TEST_P(InputSquaresOf, GoOnBehindTheLastBlockThatWasKept) {
  const TemporaryFolder folder;
  const std::string state = folder.file("state");
  const InputSquares whole = sum();
  // Killed when the sums of the second block were written, and its hidden states were not.
  InputSquares kept = whole;
  kept.head = at::zeros_like(whole.head);
  for (size_t stage = 0; stage < kStages; ++stage) {
    kept.blocks[0][stage] = whole.blocks[0][stage] + 1;
    for (size_t block = 2; block < kept.blocks.size(); ++block)
      kept.blocks[block][stage] = at::zeros_like(whole.blocks[block][stage]);
  }
  Streams streams = embed_groups(model_, groups_, memory_);
  EXPECT_ANY_THROW(for_each_block(model_, {.state_file = state + "/hidden.safetensors"}, streams,
                                  [&](const DecoderBlock& block, Streams& hidden) {
                                    if (block.index == 1) throw std::runtime_error("killed");
                                    forward_groups(block, groups_, hidden);
                                  }));
  save_input_squares(state + "/sums.safetensors", kept);
  InputSquares expected = whole;
  expected.blocks[0] = kept.blocks[0];
  expect_equal(sum(state), expected);
}

INSTANTIATE_TEST_SUITE_P(Architectures, InputSquaresOf,
                         testing::Values("stories260K", "phi3_window", "gemma2", "qwen3_default",
                                         "cohere2", "qwen3_5_text", "qwen3_moe", "qwen2_moe",
                                         "deepseek_v3", "gemma4_dense", "gemma4_moe", "nemotron_h",
                                         "nemotron_h_latent"));

TEST(BlendedSquares, AreOfOneMeanSquare) {
  const at::Tensor sums = at::tensor({8.0, 4.0, 12.0, 100.0, 300.0, 200.0}).view({2, 3});
  const std::array<int64_t, 2> tokens{4, 10};
  const at::Tensor task = at::tensor({2.0, 1.0, 3.0}), text = at::tensor({10.0, 30.0, 20.0});
  const auto expect = [&](double share, const at::Tensor& expected) {
    const at::Tensor found = blended_squares(sums, tokens, share);
    EXPECT_TRUE(at::allclose(found, expected.to(at::kDouble))) << share;
  };
  expect(0, task);
  expect(1, text);
  expect(0.25, 0.75 * task + 0.025 * text);
}

TEST(BlendedSquares, AKindOfNothingLeavesTheOther) {
  const at::Tensor ones = at::ones({2}, at::kDouble), none = at::zeros({2}, at::kDouble);
  for (const double share : {0.0, 0.3, 1.0}) {
    EXPECT_TRUE(at::equal(blended_squares(at::stack({ones, none}), {1, 0}, share), ones)) << share;
    EXPECT_TRUE(at::equal(blended_squares(at::stack({none, ones}), {0, 1}, share), ones)) << share;
    EXPECT_TRUE(at::equal(blended_squares(at::stack({none, none}), {1, 1}, share), none)) << share;
  }
}

}  // namespace
}  // namespace mpq
