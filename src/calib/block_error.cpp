// Runs a block from a stage to its end, with gradients.
#include "mpq/calib/block_error.h"

#include <ATen/ATen.h>

namespace mpq {

GroupHidden block_output(const ModelConfig& config, const DecoderBlock& block,
                         const std::vector<SequenceGroup>& groups, const GroupHidden& hidden,
                         MemoryBudget& memory) {
  GroupHidden output;
  for (size_t g = 0; g < groups.size(); ++g) {
    output.push_back(
        memory.allocate(hidden[g].size(0), hidden[g].size(1), hidden[g].scalar_type()));
    forward_all(config, block, groups[g].plan, hidden[g], output.back());
  }
  return output;
}

namespace {

/// Of a batch of task and of text: the wanted share over the share of the tokens.
struct KindWeights {
  double task = 1, text = 1;
};

KindWeights kind_weights(const std::vector<SequenceGroup>& groups, double text_share) {
  double task = 0;
  double text = 0;
  for (const auto& group : groups) {
    (group.text ? text : task) += static_cast<double>(group.plan.rows());
  }
  if (task == 0 || text == 0) return {};
  return {(1 - text_share) * (task + text) / task, text_share * (task + text) / text};
}

}  // namespace

std::function<at::Tensor(const at::Tensor& weight, int64_t step)> block_error(
    const BlockErrorContext& context, const DecoderBlock& block, const Unit& unit) {
  std::vector<std::pair<size_t, const Batch*>> batches;
  for (size_t g = 0; g < context.groups.size(); ++g) {
    for (const Batch& batch : context.groups[g].plan.batches()) batches.emplace_back(g, &batch);
  }
  const KindWeights weights = kind_weights(context.groups, context.text_share);
  return [context, block, unit, batches, weights](const at::Tensor& weight, int64_t step) {
    const auto& [group, batch] = batches[static_cast<size_t>(step) % batches.size()];
    const auto rows = [batch = batch](const at::Tensor& x) {
      return x.narrow(0, batch->first_row, batch->rows);
    };
    const StageStates& before = context.states[group];
    const auto device = block.weights.front().device();
    StageState state{rows(before.residual).to(device), rows(before.input).to(device)};
    const DecoderBlock changed = with_unit_weight(block, context.config, unit, weight);
    for (int stage = static_cast<int>(unit.stage); stage < kStages; ++stage)
      advance(context.config, changed, static_cast<Stage>(stage), batch->runs, state);
    const auto target = rows(context.target[group]).to(device).to(at::kFloat);
    const double share = context.groups[group].text ? weights.text : weights.task;
    return (state.residual.to(at::kFloat) - target).square().sum() *
           (share / static_cast<double>(batch->rows));
  };
}

}  // namespace mpq
