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

TEST(WalkState, ComesBackAsItWas) {
  const TemporaryFolder folder;
  const WalkState state(folder.file("sub/hidden.safetensors"));
  MemoryBudget memory(-1, folder.path());
  GroupHidden hidden;
  EXPECT_EQ(state.restore({3}, hidden, memory), 0);
  EXPECT_TRUE(hidden.empty());
  const GroupHidden kept{at::randn({3, 4}), at::randn({2, 4}).to(at::kBFloat16)};
  state.keep(7, kept);
  EXPECT_EQ(state.restore({3, 2}, hidden, memory), 7);
  ASSERT_EQ(hidden.size(), 2U);
  EXPECT_TRUE(at::equal(hidden[0], kept[0]));
  EXPECT_TRUE(at::equal(hidden[1], kept[1]));
  EXPECT_NE(error_of(ErrorCode::Format,
                     [&] {
                       state.restore({3, 5}, hidden, memory);
                     })
                .find("delete the file"),
            std::string::npos);
  state.clear();
  EXPECT_EQ(state.restore({3, 2}, hidden, memory), 0);
}

TEST(WalkState, WithoutAPathKeepsNothing) {
  const WalkState state("");
  MemoryBudget memory(-1, "/tmp");
  GroupHidden hidden;
  state.keep(1, {at::ones({1, 1})});
  EXPECT_EQ(state.restore({1}, hidden, memory), 0);
  state.clear();
}

}  // namespace
}  // namespace mpq
