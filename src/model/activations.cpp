// Carries hidden states of many sequences through blocks and stages, batch by batch.
#include "mpq/model/activations.h"

#include <ATen/ATen.h>

#include "mpq/core/log.h"

namespace mpq {

at::Tensor embed_all(const Model& model, const BatchPlan& plan, MemoryBudget& memory) {
  at::Tensor hidden =
      memory.allocate(plan.rows(), model.config().hidden, wide_dtype(model.dtype()));
  const at::Tensor ids = plan.ids();
  for (const Batch& batch : plan.batches()) {
    hidden.narrow(0, batch.first_row, batch.rows)
        .copy_(model.embed(ids.narrow(0, batch.first_row, batch.rows)));
  }
  return hidden;
}

void forward_all(const ModelConfig& config, const DecoderBlock& block, const BatchPlan& plan,
                 const at::Tensor& hidden, at::Tensor& output) {
  const auto device = block.norm_attention.device();
  for (const Batch& batch : plan.batches()) {
    check_interrupt();
    const auto rows = hidden.narrow(0, batch.first_row, batch.rows).to(device);
    output.narrow(0, batch.first_row, batch.rows)
        .copy_(forward_block(config, block, batch.runs, rows));
  }
}

at::Tensor forward_model(const Model& model, const BatchPlan& plan, MemoryBudget& memory,
                         const std::function<void(int64_t)>& on_block) {
  at::Tensor hidden = embed_all(model, plan, memory);
  for (int64_t index = 0; index < model.config().layers; ++index) {
    forward_all(model.config(), model.load_block(index), plan, hidden, hidden);
    if (on_block) on_block(index);
  }
  return hidden;
}

StageStates enter_all(const ModelConfig& config, const DecoderBlock& block, const BatchPlan& plan,
                      const at::Tensor& hidden, MemoryBudget& memory) {
  const auto compute = block.weights.front().scalar_type();
  StageStates states{hidden, memory.allocate(plan.rows(), config.hidden, compute)};
  const auto device = block.norm_attention.device();
  for (const Batch& batch : plan.batches()) {
    const auto rows = hidden.narrow(0, batch.first_row, batch.rows).to(device);
    states.input.narrow(0, batch.first_row, batch.rows)
        .copy_(enter_block(config, block, rows).input);
  }
  return states;
}

StageStates advance_all(const ModelConfig& config, const DecoderBlock& block, Stage stage,
                        const BatchPlan& plan, const StageStates& states, MemoryBudget& memory) {
  const auto device = block.norm_attention.device();
  const bool adds = stage == Stage::AttentionOut || stage == Stage::MlpOut;
  StageStates next = states;
  if (adds)
    next.residual = memory.allocate(plan.rows(), config.hidden, states.residual.scalar_type());
  next.input = at::Tensor();
  for (const Batch& batch : plan.batches()) {
    const auto rows = [&](const at::Tensor& all) {
      return all.narrow(0, batch.first_row, batch.rows);
    };
    StageState state{rows(states.residual).to(device), rows(states.input).to(device)};
    advance(config, block, stage, batch.runs, state);
    if (adds) rows(next.residual).copy_(state.residual);
    if (!state.input.defined()) continue;
    if (!next.input.defined())
      next.input = memory.allocate(plan.rows(), state.input.size(1), states.input.scalar_type());
    rows(next.input).copy_(state.input);
  }
  return next;
}

}  // namespace mpq
