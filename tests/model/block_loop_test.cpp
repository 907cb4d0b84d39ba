// The loop over blocks: in either direction, and from where it was killed.
#include "mpq/model/block_loop.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/core/progress.h"
#include "mpq/io/safetensors.h"
#include "mpq/io/weight_source.h"
#include "tests/support/error_of.h"
#include "tests/support/source_path.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

class BlockLoops : public testing::Test {
 protected:
  /// Adds its index to the first stream in each block; killed before block `killed`.
  Streams run(const BlockLoop& loop, int64_t killed = -1) {
    Streams streams{at::zeros({3, 4}), at::ones({2, 4})};
    visited_.clear();
    for_each_block(model_, loop, streams, [&](const DecoderBlock& block, Streams& hidden) {
      if (block.index == killed) throw std::runtime_error("killed");
      visited_.push_back(block.index);
      hidden[0] = hidden[0] * 2 + static_cast<double>(block.index);
    });
    return streams;
  }
  void expect_resumed(BlockLoop loop, int64_t killed, const std::vector<int64_t>& rest) {
    const Streams whole = run(loop);
    loop.state_file = folder_.file("sub/" + loop.title);
    EXPECT_THROW(run(loop, killed), std::runtime_error);
    EXPECT_EQ(blocks_done(model_.config(), loop.state_file), 5 - static_cast<int64_t>(rest.size()));
    const Streams resumed = run(loop);
    EXPECT_EQ(visited_, rest);
    EXPECT_TRUE(at::equal(resumed[0], whole[0]));
    EXPECT_TRUE(at::equal(resumed[1], whole[1]));
    // Killed again before its result was in place: nothing is left to visit.
    EXPECT_EQ(blocks_done(model_.config(), loop.state_file), 5);
    EXPECT_TRUE(at::equal(run(loop)[0], whole[0]));
    EXPECT_TRUE(visited_.empty());
  }

  std::string source_ = source_path("tests/golden/architectures/stories260K");
  Model model_{source_, open_safetensors_folder(source_), {.dtype = "float32"}};
  TemporaryFolder folder_;
  std::vector<int64_t> visited_;
};

TEST_F(BlockLoops, GoInEitherDirectionOverAPart) {
  run({});
  EXPECT_EQ(visited_, (std::vector<int64_t>{0, 1, 2, 3, 4}));
  run({.backwards = true});
  EXPECT_EQ(visited_, (std::vector<int64_t>{4, 3, 2, 1, 0}));
  run({.first = 1, .last = 3});
  EXPECT_EQ(visited_, (std::vector<int64_t>{1, 2}));
  run({.first = 5});
  EXPECT_TRUE(visited_.empty());
}

TEST_F(BlockLoops, GoOnBehindTheLastFinishedBlock) {
  expect_resumed({.title = "forward"}, 3, {3, 4});
  expect_resumed({.title = "backward", .backwards = true}, 3, {3, 2, 1, 0});
}

TEST_F(BlockLoops, OtherStatesAreRefused) {
  const std::string path = folder_.file("hidden.safetensors");
  const auto refused = [&](int64_t done, const Streams& kept) {
    save_tensors(
        path,
        {{"done", at::tensor({done}, at::kLong)}, {"hidden.0", kept[0]}, {"hidden.1", kept[1]}});
    const std::string message = error_of(ErrorCode::Format, [&] { run({.state_file = path}); });
    EXPECT_NE(message.find("delete the file"), std::string::npos) << message;
  };
  refused(2, {at::zeros({3, 4}), at::zeros({5, 4})});
  refused(2, {at::zeros({3, 4}), at::zeros({2, 4}).to(at::kBFloat16)});
  refused(6, {at::zeros({3, 4}), at::zeros({2, 4})});
  refused(0, {at::zeros({3, 4}), at::zeros({2, 4})});
}

TEST_F(BlockLoops, AForwardPassCountsItsProducts) {
  const BatchPlan plan({{1, 5, 9, 30, 7, 11}, {1, 44, 3, 8}}, 64);
  MemoryBudget memory(-1, "/tmp");
  const int64_t before = products_counted();
  forward_model(model_, plan, memory);
  int64_t weights = 0;
  for (const auto& linear : model_.config().blocks.front().linears)
    weights += linear.out * linear.in;
  EXPECT_EQ(products_counted() - before, 5 * 10 * weights);
  EXPECT_EQ(block_products(model_.config().blocks.front()), weights);
}

}  // namespace
}  // namespace mpq
