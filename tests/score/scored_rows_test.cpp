// --score-on answers: losses are measured where the answers' tokens are predicted.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mpq/model/divergence.h"
#include "tests/score/small_context.h"
#include "tests/support/quantized.h"

namespace mpq {
namespace {

/// The last tokens of every prompt are its answer.
SmallContext answered(const std::vector<std::string>& candidates) {
  SmallContext small(candidates);
  for (size_t i = 0; i < small.prompts.task.size(); ++i) {
    auto& prompt = small.prompts.task[i];
    prompt.answer_from =
        static_cast<int64_t>(prompt.tokens.size()) - 2 - static_cast<int64_t>(i % 3);
  }
  small.context.groups = calibration_groups(small.prompts, {});
  return small;
}

TEST(ScoredRows, PredictTheAnswersTokens) {
  const SmallContext small = answered({"full"});
  const SequenceGroup& group = small.context.groups.front();
  std::vector<int64_t> expected;
  for (size_t i = 0; i < small.prompts.task.size(); ++i) {
    const auto& prompt = small.prompts.task[i];
    for (int64_t t = prompt.answer_from - 1; t < static_cast<int64_t>(prompt.tokens.size()) - 1;
         ++t)
      expected.push_back(group.plan.first_row(static_cast<int64_t>(i)) + t);
  }
  EXPECT_TRUE(at::equal(group.scored_rows, at::tensor(at::ArrayRef<int64_t>(expected), at::kLong)));
  EXPECT_FALSE(small.context.groups.back().scored_rows.defined());  // general text
}

TEST(ScoredRows, TaqoMeasuresTheKlThere) {
  const SmallContext small = answered({"rtn:bits=2,group=4", "full"});
  const ScoreTable table =
      Registry<Scorer>::instance().make("taqo:text_weight=0")->score(small.context);
  const Model& model = *small.model;
  const SequenceGroup& group = small.context.groups.front();
  const auto unit = small.context.units.back().unit;
  const auto output = [&](bool rounds) {
    MemoryBudget memory(-1, "/tmp");
    at::Tensor hidden = embed_all(model, group.plan, memory);
    for (int64_t index = 0; index < model.config().layers; ++index) {
      DecoderBlock block = model.load_block(index);
      if (rounds && index == unit.block) {
        const at::Tensor weight = stacked_weight(block, unit);
        const auto rounded = quantized("rtn:bits=2,group=4", {.name = "w", .weight = weight});
        block = with_unit_weight(block, unit, dequantize(rounded));
      }
      forward_all(block, group.plan, hidden, hidden);
    }
    return model.logits(hidden.index_select(0, group.scored_rows));
  };
  const double expected = kl_rows(output(false), output(true)).mean().item<double>();
  EXPECT_NEAR(table.loss.back()[0], expected, 1e-4 * expected);
  EXPECT_GT(table.loss_stderr.back()[0], 0);
}

TEST(ScoredRows, GradFollowsThatKl) {
  const SmallContext small = answered({"rtn:bits=4,group=4,sym", "rtn:bits=6,group=4,sym"});
  const SmallContext whole({"rtn:bits=4,group=4,sym", "rtn:bits=6,group=4,sym"});
  const auto& registry = Registry<Scorer>::instance();
  const ScoreTable exact = registry.make("taqo")->score(small.context);
  const ScoreTable drawn = registry.make("grad:draws=16")->score(small.context);
  const ScoreTable all = registry.make("grad:draws=16")->score(whole.context);
  EXPECT_NE(drawn.loss, all.loss);
  for (size_t u = 0; u < exact.loss.size(); ++u) {
    for (size_t c = 0; c < 2; ++c) {
      const double ratio = drawn.loss[u][c] / exact.loss[u][c];
      EXPECT_GT(ratio, 1 / 2.5) << small.context.units[u].unit.name << " " << c;
      EXPECT_LT(ratio, 2.5) << small.context.units[u].unit.name << " " << c;
    }
  }
}

}  // namespace
}  // namespace mpq
