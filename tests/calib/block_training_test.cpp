// The block's error: zero for the block itself, and a gradient that finite differences confirm.
// What training makes of it, for all units together.
#include "mpq/calib/block_training.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "mpq/calib/quantize_block.h"
#include "mpq/core/progress.h"
#include "mpq/io/weight_source.h"
#include "mpq/quant/quantize_unit.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {

/// The first block of a small llama, and calibration sequences of it.
struct SmallBlock {
  explicit SmallBlock(std::vector<SequenceGroup> sequences)
      : folder(source_path("tests/golden/architectures/stories260K")),
        model(folder, open_safetensors_folder(folder), {.dtype = "float32"}),
        memory(-1, testing::TempDir()),
        groups(std::move(sequences)),
        input(embed_groups(model, groups, memory)),
        block(model.load_block(0)),
        target(forward_groups(block, groups, input, memory)) {
    for (const Unit& unit : make_units(model.config(), true)) {
      if (unit.block == 0) units.push_back(unit);
    }
  }
  BlockError error(double text_share = 0.2) const {
    return BlockError({groups, input, target, text_share});
  }
  DecoderBlock with(const Unit& unit, const at::Tensor& weight) const {
    return with_unit_weight(block, unit, weight);
  }
  std::vector<PlannedUnit> planned(const std::string& spec) const {
    std::vector<PlannedUnit> result;
    for (const Unit& unit : units) result.push_back({unit, make_method(spec)});
    return result;
  }
  /// The block with all units quantized by `spec` from the inputs of a prefix and of the model.
  DecoderBlock quantized(const std::string& spec, const Streams& prefix, const Streams& full) {
    const auto all = planned(spec);
    DecoderBlock changed = block;
    BlockStreams streams;
    for (const auto& state : prefix) streams.quantized.push_back(state.clone());
    for (const auto& state : full) streams.full.push_back(state.clone());
    ChannelFisher fisher(1);
    for (const auto& linear : model.config().blocks.front().linears)
      fisher[0].push_back(at::ones({linear.in}));
    quantize_block({.config = model.config(), .planned = all, .groups = groups, .fisher = &fisher},
                   changed, streams, memory);
    return changed;
  }
  double error_of(const std::string& spec) { return error().sum(quantized(spec, input, input)); }

  std::string folder;
  Model model;
  MemoryBudget memory;
  std::vector<SequenceGroup> groups;
  Streams input;
  DecoderBlock block;
  Streams target;
  std::vector<Unit> units;
};

TEST(BlockError, IsZeroAtTheTargetAndItsGradientIsRight) {
  const SmallBlock small({{BatchPlan({{1, 5, 9, 30, 7, 11}, {1, 44, 3, 8}}, 64)}});
  const BlockError error = small.error();
  for (const Unit& unit : small.units) {
    auto weight = stacked_weight(small.block, unit);
    EXPECT_LT(error(small.with(unit, weight), 0).item<double>(), 1e-9) << unit.name;
    weight = (weight * 1.1).detach().requires_grad_();
    error(small.with(unit, weight), 0).backward();
    const double slope = weight.grad()[1][2].item<double>();
    const double step = 1e-2;
    const at::NoGradGuard no_gradients;
    const auto moved = [&](double by) {
      auto changed = weight.clone();
      changed[1][2] += by;
      return error(small.with(unit, changed), 0).item<double>();
    };
    const double difference = (moved(step) - moved(-step)) / (2 * step);
    EXPECT_NEAR(slope, difference, 0.02 * std::abs(difference) + 1e-4) << unit.name;
  }
}

TEST(BlockError, TextCountsByItsShareNotByItsTokens) {
  // Two tokens of task, six of text, one batch each.
  const SmallBlock small(
      {{BatchPlan({{1, 5}}, 64), false}, {BatchPlan({{1, 44, 3, 8, 9, 10}}, 64), true}});
  const Unit& unit = small.units.front();
  const DecoderBlock changed = small.with(unit, stacked_weight(small.block, unit) * 1.1);
  const auto errors = [&](double text_share) {
    const BlockError error = small.error(text_share);
    return std::pair(error(changed, 0).item<double>(), error(changed, 1).item<double>());
  };
  const auto even = errors(0.75);  // text's part of the tokens: every token counts the same
  const auto fifth = errors(0.2);
  EXPECT_NEAR(fifth.first, even.first * 0.8 / 0.25, 1e-5 * even.first);
  EXPECT_NEAR(fifth.second, even.second * 0.2 / 0.75, 1e-5 * even.second);
  EXPECT_EQ(errors(1).first, 0);
}

TEST(BlockTraining, OneStepServesAllUnits) {
  SmallBlock small({{BatchPlan({{1, 5, 9, 30, 7, 11}, {1, 44, 3, 8}}, 64)}});
  for (const char* spec :
       {"signround:bits=3,group=4,iterations=7", "awq+signround:bits=3,group=4,iterations=7",
        "gptq:bits=3,group=4,aim"}) {
    const auto planned = small.planned(spec);
    for (const int64_t kept : {kKeptInputBytes, int64_t{0}}) {
      DecoderBlock changed = small.block;
      BlockStreams streams{small.input, small.input};
      int64_t steps = 0;
      const BlockTask task{.config = small.model.config(),
                           .planned = planned,
                           .groups = small.groups,
                           .spent_steps = &steps,
                           .kept_bytes = kept};
      const int64_t before = products_counted();
      quantize_block(task, changed, streams, small.memory);
      EXPECT_EQ(steps, quantize_cost(task).training_steps) << spec;
      EXPECT_EQ(products_counted() - before, quantize_cost(task).products) << spec;
    }
  }
}

std::vector<TokenSequence> many_sequences() {
  std::vector<TokenSequence> sequences;
  for (int64_t s = 0; s < 12; ++s) {
    sequences.push_back({1});
    for (int64_t t = 0; t < 15; ++t) sequences.back().push_back((s * 37 + t * t * 11) % 512);
  }
  return sequences;
}

TEST(BlockTraining, LowersTheErrorOfTheBlock) {
  SmallBlock small({{BatchPlan(many_sequences(), 64)}});
  const double rounded = small.error_of("rtn:bits=3,group=4");
  EXPECT_LT(small.error_of("signround:bits=3,group=4,iterations=100"), 0.6 * rounded);
  EXPECT_LT(small.error_of("awq+signround:bits=3,group=4,iterations=100"), 0.6 * rounded);
  const double untrained = small.error_of("hir:bits=2,high=3,group=4,iterations=0");
  EXPECT_LT(small.error_of("hir:bits=2,high=3,group=4,iterations=200"), 0.8 * untrained);
}

TEST(BlockQuantization, MakesUpForTheQuantizedPrefix) {
  SmallBlock small({{BatchPlan(many_sequences(), 64)}});
  at::manual_seed(5);
  const auto& input = small.input.front();
  const Streams prefix{input * 0.8 + 0.1 * at::randn_like(input)};
  const BlockError error({small.groups, prefix, small.target});
  const auto error_of = [&](const std::string& spec, const Streams& full) {
    return error.sum(small.quantized(spec, prefix, full));
  };
  for (const char* spec : {"signround:bits=4,group=4,iterations=100", "gptq:bits=4,group=4,aim",
                           "awq+gptq:bits=4,group=4,aim", "hir:bits=3,high=4,group=4,gptq,aim"}) {
    EXPECT_LT(error_of(spec, small.input), 0.9 * error_of(spec, prefix)) << spec;
    EXPECT_LT(error_of(spec, small.input), error.sum(small.block)) << spec;
  }
}

}  // namespace
}  // namespace mpq
