// Moves branches through blocks and compares their outputs.
#include "mpq/score/branches.h"

#include <ATen/ATen.h>

#include <cmath>

#include "mpq/core/log.h"
#include "mpq/model/divergence.h"
#include "mpq/score/candidate_walk.h"

namespace mpq {

void advance_branches(const ScoreContext& context, const DecoderBlock& block,
                      std::vector<Branch>& branches) {
  const auto probed = probed_groups(context);
  for (auto& branch : branches) {
    for (size_t g = 0; g < probed.size(); ++g) {
      forward_all(context.model->config(), block, context.groups[probed[g]].plan, branch.hidden[g],
                  branch.hidden[g]);
    }
  }
}

void add_divergence(const ScoreContext& context, const SequenceGroup& group, size_t probed,
                    double weight, const at::Tensor& base, const std::vector<Branch>& branches,
                    ScoreTable& table) {
  if (weight == 0) return;
  const Model& model = *context.model;
  const int64_t rows = group.plan.rows();
  std::vector<at::Tensor> kl(branches.size());
  for (auto& values : kl) values = at::empty({rows}, at::kFloat);
  // The reference logits are computed once per chunk of rows, for all branches.
  const int64_t step = logit_rows(model);
  Progress progress("score: outputs", (rows + step - 1) / step);
  for (int64_t begin = 0; begin < rows; begin += step) {
    const int64_t count = std::min(step, rows - begin);
    const auto logits = [&](const at::Tensor& hidden) {
      return model.logits(hidden.narrow(0, begin, count).to(model.device()));
    };
    const auto reference = logits(base);
    for (size_t b = 0; b < branches.size(); ++b)
      kl[b].narrow(0, begin, count).copy_(kl_rows(reference, logits(branches[b].hidden[probed])));
    progress.step();
  }
  const auto sequence = group.plan.sequence_of_row();
  for (size_t b = 0; b < branches.size(); ++b) {
    const auto mean = mean_over_tokens(kl[b], sequence, group.plan.sequences());
    auto& loss = table.loss[branches[b].unit][branches[b].candidate];
    auto& error = table.loss_stderr[branches[b].unit][branches[b].candidate];
    loss += weight * mean.mean;
    error = std::hypot(error, weight * mean.stderr_);
  }
}

}  // namespace mpq
