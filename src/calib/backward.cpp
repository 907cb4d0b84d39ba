// Forward once keeping every block's input, then block by block backwards.
#include "mpq/calib/backward.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "mpq/core/progress.h"
#include "mpq/model/block_loop.h"
#include "output_gradient.h"

namespace mpq {
namespace {

/// Inputs of the first `count` blocks, and the last one's output with `output`.
std::vector<at::Tensor> forward_keeping(const BackwardPass& pass, int64_t count, bool output) {
  const ModelConfig& config = pass.model.config();
  if (count == 0) return {};
  std::vector<at::Tensor> states{embed_all(pass.model, pass.plan, pass.memory)};
  Streams streams{states.front()};
  const int64_t last = output ? count : count - 1;
  const BlockLoop loop{.title = pass.title + ": forward",
                       .products = last * pass.plan.rows() * block_products(config),
                       .last = last};
  for_each_block(pass.model, loop, streams, [&](const DecoderBlock& block, Streams& hidden) {
    const at::Tensor input = hidden[0];
    hidden[0] = pass.memory.allocate(input.size(0), input.size(1), input.scalar_type());
    forward_all(config, block, pass.plan, input, hidden[0]);
    states.push_back(hidden[0]);
  });
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

/// One block and batch: shows the gradients by its linears' outputs when asked to; returns, by
/// draw, those by its input.
std::vector<at::Tensor> pass_batch(const ModelConfig& config, const DecoderBlock& block,
                                   const Batch& batch, const at::Tensor& input,
                                   const Streams& output, const ShowGradients& show) {
  check_interrupt();
  std::vector<at::Tensor> inputs, probes, result;
  const at::AutoGradMode gradients(true);
  auto leaf = rows_of(input, batch).detach().clone().requires_grad_();
  const DecoderBlock probed = show ? with_probes(block, batch.rows, probes) : block;
  StageState state = enter_block(config, probed, leaf);
  for (int stage = 0; stage < kStages; ++stage) {
    inputs.push_back(state.input.detach());
    advance(config, probed, static_cast<Stage>(stage), batch.runs, state);
  }
  for (size_t draw = 0; draw < output.size(); ++draw) {
    const auto gradient = rows_of(output[draw], batch).to(state.residual.scalar_type());
    state.residual.backward(gradient, /*retain_graph=*/draw + 1 < output.size());
    count_products(batch.rows * block_products(config));
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
Streams through(const BackwardPass& pass, const DecoderBlock& block, const at::Tensor& input,
                const Streams& output, const ShowGradients& show) {
  Streams result;
  for (const auto& gradient : output)
    result.push_back(
        pass.memory.allocate(gradient.size(0), gradient.size(1), gradient.scalar_type()));
  for (const Batch& batch : pass.plan.batches()) {
    const auto gradients = pass_batch(pass.model.config(), block, batch, input, output, show);
    for (size_t draw = 0; draw < gradients.size(); ++draw)
      rows_of(result[draw], batch).copy_(gradients[draw]);
  }
  return result;
}

/// From the loss to the first block's output, or with `show` through that block too.
void backward(const BackwardPass& pass, const BackwardLoss& loss, const VisitGradients& before,
              const ShowGradients& show, const std::function<void(int64_t)>& after) {
  const ModelConfig& config = pass.model.config();
  const int64_t done = blocks_done(config, pass.state_file);
  auto states = forward_keeping(pass, config.layers - done, /*output=*/done == 0);
  Streams gradients;
  if (done == 0) {
    gradients = output_gradients(pass, states.back(), loss);
    states.pop_back();
  }
  for (int draw = 0; done > 0 && draw < loss.count(); ++draw)  // the loop fills them
    gradients.push_back(pass.memory.allocate(pass.plan.rows(), config.hidden,
                                             gradient_dtype(loss, wide_dtype(pass.model.dtype()))));
  const BlockLoop loop{
      .title = pass.title + ": backward",
      .products = config.layers * block_gradient_products(config, pass.plan.rows(), loss),
      .state_file = pass.state_file,
      .backwards = true};
  for_each_block(pass.model, loop, gradients, [&](const DecoderBlock& block, Streams& stream) {
    if (before) before(block.index, stream);
    if (block.index > 0 || show) stream = through(pass, block, states.back(), stream, show);
    states.pop_back();
    if (after) after(block.index);
  });
}

}  // namespace

void pass_backward(const BackwardPass& pass, const ShowGradients& show,
                   const std::function<void(int64_t)>& done) {
  backward(pass, {}, {}, show, done);
}

void stream_gradients(const BackwardPass& pass, const BackwardLoss& loss,
                      const VisitGradients& visit) {
  backward(pass, loss, visit, {}, {});
}

int64_t stream_gradient_products(const ModelConfig& config, int64_t rows,
                                 const BackwardLoss& loss) {
  return rows * config.layers * block_products(config) +
         (config.layers - 1) * block_gradient_products(config, rows, loss);
}

void block_gradients(const ModelConfig& config, const DecoderBlock& block, const BatchPlan& plan,
                     const at::Tensor& input, const Streams& output, const ShowGradients& show) {
  for (const Batch& batch : plan.batches()) pass_batch(config, block, batch, input, output, show);
}

int64_t block_gradient_products(const ModelConfig& config, int64_t rows, const BackwardLoss& loss) {
  return rows * block_products(config) * (1 + loss.count());
}

}  // namespace mpq
