// Forward once keeping every block's input, then block by block backwards.
#include "mpq/calib/backward.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "mpq/core/error.h"
#include "mpq/core/log.h"

namespace mpq {
namespace {

/// Inputs of all blocks, and the last one's output.
std::vector<at::Tensor> forward_keeping(const Model& model, const BatchPlan& plan,
                                        MemoryBudget& memory) {
  std::vector<at::Tensor> states{embed_all(model, plan, memory)};
  for (int64_t index = 0; index < model.config().layers; ++index) {
    const at::Tensor& input = states.back();
    at::Tensor output = memory.allocate(input.size(0), input.size(1), input.scalar_type());
    forward_all(model.config(), model.load_block(index), plan, input, output);
    states.push_back(output);
  }
  return states;
}

/// d loss / d hidden at the last block's output, for one batch.
at::Tensor output_gradient(const Model& model, const Batch& batch, const at::Tensor& ids,
                           const at::Tensor& hidden) {
  const at::AutoGradMode gradients(true);
  const auto leaf = hidden.detach().clone().requires_grad_();
  const auto log_p = at::log_softmax(model.logits(leaf), -1);
  std::vector<int64_t> from;
  int64_t row = 0;
  for (const SequenceRun& run : batch.runs) {
    for (int64_t i = 0; i < run.count; ++i, row += run.length) {
      for (int64_t token = 0; token + 1 < run.length; ++token) from.push_back(row + token);
    }
  }
  const auto index = at::tensor(at::ArrayRef<int64_t>(from), at::kLong).to(hidden.device());
  const auto next = ids.to(hidden.device()).index_select(0, index + 1);
  const auto loss = -log_p.index_select(0, index).gather(1, next.unsqueeze(1)).sum();
  require(
      at::isfinite(loss).item<bool>(), ErrorCode::Numeric,
      "{}: the model's own loss on the task is {}; try --dtype float32, or check the checkpoint",
      model.folder(), loss.item<double>());
  loss.backward();
  return leaf.grad();
}

/// A block whose linears add zeros [rows, out] to their outputs: the zeros' gradients are the
/// outputs'.
DecoderBlock with_probes(const DecoderBlock& block, int64_t rows, std::vector<at::Tensor>& probes) {
  DecoderBlock probed = block;
  for (size_t i = 0; i < block.weights.size(); ++i) {
    const auto& weight = block.weights[i];
    probes.push_back(at::zeros({rows, weight.size(0)}, weight.options()).requires_grad_());
    probed.biases[i] = block.biases[i].defined() ? probes[i] + block.biases[i] : probes[i];
  }
  return probed;
}

class BackwardWalk {
 public:
  BackwardWalk(const Model& model, const BackwardHooks& hooks)
      : model_(model), config_(model.config()), hooks_(hooks) {}

  /// Replaces `gradient` of the block's output by that of its input.
  void pass(const DecoderBlock& block, const Batch& batch, const at::Tensor& input,
            at::Tensor& gradient) const {
    std::vector<at::Tensor> inputs;
    std::vector<at::Tensor> probes;
    at::Tensor leaf;
    {
      const at::AutoGradMode gradients(true);
      leaf = input.detach().clone().requires_grad_();
      const DecoderBlock probed = with_probes(block, batch.rows, probes);
      StageState state = enter_block(config_, probed, leaf);
      for (int stage = 0; stage < kStages; ++stage) {
        inputs.push_back(state.input.detach());
        advance(config_, probed, static_cast<Stage>(stage), batch.runs, state);
      }
      state.residual.backward(gradient);
    }
    for (int stage = 0; stage < kStages; ++stage) {
      StageGradients shown{block.index, static_cast<Stage>(stage),
                           inputs[static_cast<size_t>(stage)],
                           std::vector<at::Tensor>(probes.size()), &batch};
      for (size_t i = 0; i < probes.size(); ++i) {
        if (config_.linears[i].stage == shown.stage) shown.gradients[i] = probes[i].grad();
      }
      hooks_.gradients(shown);
    }
    gradient = leaf.grad();
  }

 private:
  const Model& model_;
  const ModelConfig& config_;
  const BackwardHooks& hooks_;
};

}  // namespace

void walk_backward(const Model& model, const BatchPlan& plan, MemoryBudget& memory,
                   const std::string& title, const BackwardHooks& hooks) {
  const auto states = forward_keeping(model, plan, memory);
  const auto ids = plan.ids();
  const auto rows_of = [&](const at::Tensor& x, const Batch& batch) {
    return x.narrow(0, batch.first_row, batch.rows).to(model.device());
  };
  std::vector<at::Tensor> gradients;
  for (const Batch& batch : plan.batches()) {
    gradients.push_back(output_gradient(model, batch, ids.narrow(0, batch.first_row, batch.rows),
                                        rows_of(states.back(), batch)));
  }
  const BackwardWalk walk(model, hooks);
  Progress progress(title, model.config().layers);
  for (int64_t index = model.config().layers - 1; index >= 0; --index) {
    const DecoderBlock block = model.load_block(index);
    if (hooks.enter) hooks.enter(block);
    for (size_t b = 0; b < plan.batches().size(); ++b) {
      const Batch& batch = plan.batches()[b];
      walk.pass(block, batch, rows_of(states[static_cast<size_t>(index)], batch), gradients[b]);
    }
    progress.step();
  }
}

}  // namespace mpq
