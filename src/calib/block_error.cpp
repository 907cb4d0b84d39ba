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

std::function<at::Tensor(const at::Tensor& weight, int64_t step)> block_error(
    const BlockErrorContext& context, const DecoderBlock& block, const Unit& unit) {
  std::vector<std::pair<size_t, const Batch*>> batches;
  for (size_t g = 0; g < context.groups.size(); ++g) {
    for (const Batch& batch : context.groups[g].plan.batches()) batches.emplace_back(g, &batch);
  }
  return [context, block, unit, batches](const at::Tensor& weight, int64_t step) {
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
    return (state.residual.to(at::kFloat) - target).square().sum() /
           static_cast<double>(batch->rows);
  };
}

}  // namespace mpq
