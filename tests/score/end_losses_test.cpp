// The losses of the embedding and the head against a model with that matrix changed.
#include "mpq/score/end_losses.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mpq/calib/quantize_end.h"
#include "mpq/model/divergence.h"
#include "mpq/score/loss_table.h"
#include "tests/score/small_context.h"

namespace mpq {
namespace {

struct Outputs {
  at::Tensor hidden, logits;
};

/// The task's outputs with another embedding and another head; undefined: the model's own.
Outputs outputs_with(const SmallContext& small, const at::Tensor& embedding,
                     const at::Tensor& head) {
  const Model& model = *small.model;
  std::vector<TokenSequence> task;
  for (const auto& prompt : small.prompts.task) task.push_back(prompt.tokens);
  const BatchPlan plan(task, 4096);
  at::Tensor hidden =
      embedding.defined() ? model.embed(plan.ids(), embedding) : model.embed(plan.ids());
  for (int64_t index = 0; index < model.config().layers; ++index)
    forward_all(model.load_block(index), plan, hidden, hidden);
  return {hidden, head.defined() ? model.logits(hidden, head) : model.logits(hidden)};
}

void expect_direct_losses(SmallContext& small, size_t ends) {
  const size_t blocks = small.context.units.size();
  const std::vector<std::string> specs = {"rtn:bits=3,group=16", "full", "gptq:bits=3,group=16"};
  for (const auto& end : small.model->end_units()) small.context.units.push_back({end, specs});
  ASSERT_EQ(small.context.units.size(), blocks + ends);
  EXPECT_TRUE(has_ends(small.context));
  EXPECT_EQ(without_ends(small.context).units.size(), blocks);
  ScoreTable table = empty_table(small.context, "nats/token");
  measure_ends(small.context, /*text_weight=*/0, table);
  const Outputs base = outputs_with(small, {}, {});
  std::vector<SequenceGroup> task;
  Streams task_outputs;
  for (const auto& group : small.context.groups) {
    if (!group.probe) continue;
    task.push_back(group);
    at::Tensor hidden = small.model->embed(group.plan.ids());
    for (int64_t index = 0; index < small.model->config().layers; ++index)
      forward_all(small.model->load_block(index), group.plan, hidden, hidden);
    task_outputs.push_back(group.text ? at::Tensor() : hidden);
  }
  const auto hessian = head_hessian(*small.model, task, task_outputs);
  for (size_t u = blocks; u < small.context.units.size(); ++u) {
    const Unit& unit = small.context.units[u].unit;
    EXPECT_EQ(table.loss[u][1], 0);
    for (const size_t c : {size_t{0}, size_t{2}}) {
      const Method method = make_method(specs[c], at::kFloat);
      const at::Tensor weight = dequantize(quantize_end(*small.model, unit, method, hessian));
      const Outputs changed = outputs_with(small, unit.end == End::Head ? at::Tensor() : weight,
                                           unit.end == End::Embedding ? at::Tensor() : weight);
      const double kl = kl_rows(base.logits, changed.logits).mean().item<double>();
      EXPECT_NEAR(table.loss[u][c], kl, 1e-3 * kl + 1e-8) << unit.name << " " << specs[c];
      EXPECT_GT(kl, 0);
    }
  }
}

TEST(EndLosses, ATiedMatrixIsOneUnitAndChangesBothEnds) {
  SmallContext small({"rtn:bits=4,group=4"});
  expect_direct_losses(small, 1);
  EXPECT_EQ(small.context.units.back().unit.end, End::Both);
}

TEST(EndLosses, AnEmbeddingAndAHeadAreMeasuredApart) {
  SmallContext small({"rtn:bits=4,group=64"}, "float32", "data/nano-llama");
  expect_direct_losses(small, 2);
}

TEST(EndLosses, InBfloat16TheyAreThoseOfFloat32) {
  const auto losses = [](const std::string& dtype) {
    SmallContext small({"full"}, dtype, "data/nano-llama");
    small.context.units.clear();
    for (const auto& end : small.model->end_units())
      small.context.units.push_back({end, {"rtn:bits=3,group=64", "gptq:bits=3,group=64"}});
    ScoreTable table = empty_table(small.context, "nats/token");
    measure_ends(small.context, 0, table);
    return table.loss;
  };
  const auto wide = losses("float32"), narrow = losses("bfloat16");
  ASSERT_EQ(narrow.size(), 2U);
  for (size_t end = 0; end < wide.size(); ++end) {
    for (size_t c = 0; c < wide[end].size(); ++c)
      EXPECT_NEAR(narrow[end][c] / wide[end][c], 1, 0.3) << end << " " << c;
  }
}

TEST(EndLosses, TheHessianOfTheHeadsInputsLowersItsLoss) {
  SmallContext small({"rtn:bits=4,group=64"}, "float32", "data/nano-llama");
  for (const auto& end : small.model->end_units()) {
    if (end.end == End::Head)
      small.context.units.push_back({end, {"rtn:bits=2,group=64", "gptq:bits=2,group=64"}});
  }
  ScoreTable table = empty_table(small.context, "nats/token");
  measure_ends(small.context, 0, table);
  EXPECT_LT(table.loss.back()[1], table.loss.back()[0]);
}

}  // namespace
}  // namespace mpq
