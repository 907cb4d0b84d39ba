// The block's error: zero for the block itself, and a gradient that finite differences confirm.
#include "mpq/calib/block_error.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "mpq/io/weight_source.h"

namespace mpq {
namespace {

TEST(BlockError, IsZeroAtTheTargetAndItsGradientIsRight) {
  const std::string folder =
      std::string(MPQ_SOURCE_DIR) + "/tests/golden/architectures/stories260K";
  const Model model(folder, open_safetensors_folder(folder), {.dtype = "float32"});
  MemoryBudget memory(-1, testing::TempDir());
  const std::vector<SequenceGroup> groups{{BatchPlan({{1, 5, 9, 30, 7, 11}, {1, 44, 3, 8}}, 64)}};
  const GroupHidden hidden = embed_groups(model, groups, memory);
  const DecoderBlock block = model.load_block(0);
  const GroupHidden target = block_output(model.config(), block, groups, hidden, memory);
  GroupStates states = enter_groups(model.config(), block, groups, hidden, memory);
  for (const Unit& unit : make_units(model.config(), true)) {
    if (unit.block != 0) break;
    const auto error = block_error({model.config(), groups, states, target}, block, unit);
    auto weight = stacked_weight(block, unit);
    EXPECT_LT(error(weight, 0).item<double>(), 1e-9) << unit.name;
    weight = (weight * 1.1).detach().requires_grad_();
    error(weight, 0).backward();
    const double slope = weight.grad()[1][2].item<double>();
    const double step = 1e-2;
    const at::NoGradGuard no_gradients;
    const auto moved = [&](double by) {
      auto changed = weight.clone();
      changed[1][2] += by;
      return error(changed, 0).item<double>();
    };
    const double difference = (moved(step) - moved(-step)) / (2 * step);
    EXPECT_NEAR(slope, difference, 0.02 * std::abs(difference) + 1e-4) << unit.name;
    states = advance_groups(model.config(), block, unit.stage, groups, states, memory);
  }
}

TEST(BlockError, TextCountsByItsShareNotByItsTokens) {
  const std::string folder =
      std::string(MPQ_SOURCE_DIR) + "/tests/golden/architectures/stories260K";
  const Model model(folder, open_safetensors_folder(folder), {.dtype = "float32"});
  MemoryBudget memory(-1, testing::TempDir());
  // Two tokens of task, six of text, one batch each.
  const std::vector<SequenceGroup> groups{{BatchPlan({{1, 5}}, 64), false},
                                          {BatchPlan({{1, 44, 3, 8, 9, 10}}, 64), true}};
  const GroupHidden hidden = embed_groups(model, groups, memory);
  const DecoderBlock block = model.load_block(0);
  const GroupHidden target = block_output(model.config(), block, groups, hidden, memory);
  const GroupStates states = enter_groups(model.config(), block, groups, hidden, memory);
  const Unit unit = make_units(model.config(), true).front();
  const auto weight = stacked_weight(block, unit) * 1.1;
  const auto errors = [&](double text_share) {
    const auto error =
        block_error({model.config(), groups, states, target, text_share}, block, unit);
    return std::pair(error(weight, 0).item<double>(), error(weight, 1).item<double>());
  };
  const auto even = errors(0.75);  // text's part of the tokens: every token counts the same
  const auto fifth = errors(0.2);
  EXPECT_NEAR(fifth.first, even.first * 0.8 / 0.25, 1e-5 * even.first);
  EXPECT_NEAR(fifth.second, even.second * 0.2 / 0.75, 1e-5 * even.second);
  EXPECT_EQ(errors(1).first, 0);
}

}  // namespace
}  // namespace mpq
