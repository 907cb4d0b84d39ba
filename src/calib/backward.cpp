// Forward once keeping every block's input, then block by block backwards.
#include "mpq/calib/backward.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "mpq/core/log.h"
#include "output_gradient.h"

namespace mpq {
namespace {

/// Inputs of all blocks, and the last one's output.
std::vector<at::Tensor> forward_keeping(const Model& model, const BatchPlan& plan,
                                        MemoryBudget& memory, Progress& progress) {
  std::vector<at::Tensor> states{embed_all(model, plan, memory)};
  for (int64_t index = 0; index < model.config().layers; ++index) {
    const at::Tensor& input = states.back();
    at::Tensor output = memory.allocate(input.size(0), input.size(1), input.scalar_type());
    forward_all(model.config(), model.load_block(index), plan, input, output);
    states.push_back(output);
    progress.step();
  }
  return states;
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

at::Tensor taken_gradient(at::Tensor& leaf) {
  const at::Tensor gradient = leaf.grad();
  leaf.mutable_grad() = at::Tensor();
  return gradient;
}

at::Tensor rows_of(const at::Tensor& x, const Batch& batch) {
  return x.narrow(0, batch.first_row, batch.rows);
}

/// One block and batch: shows the gradients by its linears' outputs when asked to; returns, by
/// draw, those by its input.
std::vector<at::Tensor> pass(const ModelConfig& config, const DecoderBlock& block,
                             const Batch& batch, const at::Tensor& input,
                             const StreamGradients& output, const ShowGradients& show) {
  check_interrupt();
  const auto device = block.norm_attention.device();
  std::vector<at::Tensor> inputs, probes, result;
  const at::AutoGradMode gradients(true);
  auto leaf = rows_of(input, batch).to(device).detach().clone().requires_grad_();
  const DecoderBlock probed = show ? with_probes(block, batch.rows, probes) : block;
  StageState state = enter_block(config, probed, leaf);
  for (int stage = 0; stage < kStages; ++stage) {
    inputs.push_back(state.input.detach());
    advance(config, probed, static_cast<Stage>(stage), batch.runs, state);
  }
  for (size_t draw = 0; draw < output.size(); ++draw) {
    const auto gradient = rows_of(output[draw], batch).to(device, state.residual.scalar_type());
    state.residual.backward(gradient, /*retain_graph=*/draw + 1 < output.size());
    result.push_back(taken_gradient(leaf));
    std::vector<at::Tensor> by_linear;
    for (auto& probe : probes) by_linear.push_back(taken_gradient(probe));
    for (int stage = 0; show && stage < kStages; ++stage) {
      StageGradients shown{block.index,
                           static_cast<Stage>(stage),
                           static_cast<int>(draw),
                           inputs[static_cast<size_t>(stage)],
                           std::vector<at::Tensor>(probes.size()),
                           &batch};
      for (size_t i = 0; i < probes.size(); ++i) {
        if (config.linears[i].stage == shown.stage) shown.gradients[i] = by_linear[i];
      }
      const at::NoGradGuard no_gradients;
      show(shown);
    }
  }
  return result;
}

/// From the gradients by a block's output to those by its input.
StreamGradients through(const Model& model, const DecoderBlock& block, const BatchPlan& plan,
                        const at::Tensor& input, const StreamGradients& output,
                        const ShowGradients& show, MemoryBudget& memory) {
  StreamGradients result;
  for (const auto& gradient : output)
    result.push_back(
        memory.allocate(gradient.size(0), gradient.size(1), wide_dtype(model.dtype())));
  for (const Batch& batch : plan.batches()) {
    const auto gradients = pass(model.config(), block, batch, input, output, show);
    for (size_t draw = 0; draw < gradients.size(); ++draw)
      rows_of(result[draw], batch).copy_(gradients[draw]);
  }
  return result;
}

using KeepGradients = std::function<void(int64_t block, const StreamGradients& output)>;

/// From the loss to the first block's output, or with `show` through that block too.
void backward(const Model& model, const BatchPlan& plan, const BackwardLoss& loss,
              MemoryBudget& memory, const std::string& title, const KeepGradients& keep,
              const ShowGradients& show) {
  const int64_t layers = model.config().layers;
  Progress progress(title, 2 * layers);
  auto states = forward_keeping(model, plan, memory, progress);
  StreamGradients gradients = output_gradients(model, plan, states.back(), loss, memory);
  for (int64_t index = layers - 1; index >= 0; --index) {
    states.pop_back();
    if (keep) keep(index, gradients);
    if (index > 0 || show)
      gradients =
          through(model, model.load_block(index), plan, states.back(), gradients, show, memory);
    progress.step();
  }
}

}  // namespace

void walk_backward(const Model& model, const BatchPlan& plan, MemoryBudget& memory,
                   const std::string& title, const ShowGradients& show) {
  backward(model, plan, {}, memory, title, {}, show);
}

std::vector<StreamGradients> stream_gradients(const Model& model, const BatchPlan& plan,
                                              const BackwardLoss& loss, MemoryBudget& memory,
                                              const std::string& title) {
  std::vector<StreamGradients> kept(static_cast<size_t>(model.config().layers));
  const auto keep = [&](int64_t block, const StreamGradients& output) {
    for (const auto& gradient : output) {
      const auto dtype = loss.draws > 0 ? at::kBFloat16 : gradient.scalar_type();
      at::Tensor copy = memory.allocate(gradient.size(0), gradient.size(1), dtype);
      kept[static_cast<size_t>(block)].push_back(copy.copy_(gradient));
    }
  };
  backward(model, plan, loss, memory, title, keep, {});
  return kept;
}

void block_gradients(const ModelConfig& config, const DecoderBlock& block, const BatchPlan& plan,
                     const at::Tensor& input, const StreamGradients& output,
                     const ShowGradients& show) {
  for (const Batch& batch : plan.batches()) pass(config, block, batch, input, output, show);
}

}  // namespace mpq
