// Kept hidden states come back as they were, and only for the prompts they belong to.
#include "mpq/calib/walk_state.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "mpq/core/error.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {

ModelConfig small_config() {
  ModelConfig config;
  config.layers = 8;
  config.hidden = 4;
  return config;
}

TEST(WalkState, ComesBackAsItWas) {
  const TemporaryFolder folder;
  const WalkState state(folder.file("sub/hidden.safetensors"));
  MemoryBudget memory(-1, folder.path());
  GroupHidden hidden;
  EXPECT_EQ(state.restore(small_config(), {3}, hidden, memory), 0);
  EXPECT_TRUE(hidden.empty());
  const GroupHidden kept{at::randn({3, 4}), at::randn({2, 4}).to(at::kBFloat16)};
  state.keep(7, kept);
  EXPECT_EQ(state.restore(small_config(), {3, 2}, hidden, memory), 7);
  ASSERT_EQ(hidden.size(), 2U);
  EXPECT_TRUE(at::equal(hidden[0], kept[0]));
  EXPECT_TRUE(at::equal(hidden[1], kept[1]));
  EXPECT_NE(error_of(ErrorCode::Format,
                     [&] {
                       state.restore(small_config(), {3, 5}, hidden, memory);
                     })
                .find("delete the file"),
            std::string::npos);
  // Of another model: more blocks than it has, or other channels.
  state.keep(9, kept);
  error_of(ErrorCode::Format, [&] { state.restore(small_config(), {3, 2}, hidden, memory); });
  state.keep(7, {at::randn({3, 5}), kept[1]});
  error_of(ErrorCode::Format, [&] { state.restore(small_config(), {3, 2}, hidden, memory); });
  state.clear();
  EXPECT_EQ(state.restore(small_config(), {3, 2}, hidden, memory), 0);
}

TEST(WalkState, WithoutAPathKeepsNothing) {
  const WalkState state("");
  MemoryBudget memory(-1, "/tmp");
  GroupHidden hidden;
  state.keep(1, {at::ones({1, 1})});
  EXPECT_EQ(state.restore(small_config(), {1}, hidden, memory), 0);
  state.clear();
}

}  // namespace
}  // namespace mpq
