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
  const BlockLoop loop{
      .title = pass.title + ": forward",
      .products = pass.plan.rows() * (model_products(config) - model_products(config, last)),
      .last = last};
  for_each_block(pass.model, loop, streams, [&](const DecoderBlock& block, Streams& hidden) {
    const at::Tensor input = hidden[0];
    hidden[0] = pass.memory.allocate(input.size(0), input.size(1), input.scalar_type());
    forward_all(block, pass.plan, input, hidden[0]);
    states.push_back(hidden[0]);
  });
  return states;
}

at::Tensor taken_gradient(at::Tensor& leaf) {
  const at::Tensor gradient = leaf.grad();
  leaf.mutable_grad() = at::Tensor();
  return gradient;
}

/// What a linear read in a batch, and which rows of the batch those are.
struct LinearInput {
  at::Tensor rows, x;
};

/// Shows a draw's gradients, stage by stage.
void show_stages(const DecoderBlock& block, const Batch& batch, int draw,
                 const std::vector<LinearInput>& inputs, std::vector<at::Tensor>& outputs,
                 const ShowGradients& show) {
  const at::NoGradGuard no_gradients;
  for (int stage = 0; stage < kStages; ++stage) {
    StageGradients shown{block.index, static_cast<Stage>(stage), draw, {}, &batch};
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (block.config->linears[i].stage != shown.stage || !outputs[i].defined()) continue;
      shown.linears.push_back({i, inputs[i].rows, inputs[i].x, taken_gradient(outputs[i])});
    }
    show(shown);
  }
}

/// One block and batch: shows the gradients by its linears' outputs when asked to; returns, by
/// draw, those by its input.
std::vector<at::Tensor> pass_batch(const DecoderBlock& block, const Batch& batch,
                                   const at::Tensor& input, const Streams& output,
                                   const ShowGradients& show) {
  check_interrupt();
  std::vector<at::Tensor> outputs, result;
  std::vector<LinearInput> inputs(block.weights.size());
  const at::AutoGradMode gradients(true);
  auto leaf = rows_of(input, batch).detach().clone().requires_grad_();
  StageState state = enter_block(block, leaf);
  if (show) state.outputs = &outputs;
  for (int stage = 0; stage < kStages; ++stage) {
    for (size_t i = 0; show && i < inputs.size(); ++i) {
      const LinearInfo& linear = block.config->linears[i];
      if (linear.stage != static_cast<Stage>(stage)) continue;
      inputs[i] = {rows_read(state, linear), input_of(state, linear).detach()};
    }
    advance(block, static_cast<Stage>(stage), batch.runs, state);
  }
  for (auto& noted : outputs) {
    if (noted.defined()) noted.retain_grad();
  }
  for (size_t draw = 0; draw < output.size(); ++draw) {
    const auto gradient = rows_of(output[draw], batch).to(state.residual.scalar_type());
    state.residual.backward(gradient, /*retain_graph=*/draw + 1 < output.size());
    count_products(batch.rows * block_products(*block.config));
    result.push_back(taken_gradient(leaf));
    if (show) show_stages(block, batch, static_cast<int>(draw), inputs, outputs, show);
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
    const auto gradients = pass_batch(block, batch, input, output, show);
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
  const BlockLoop loop{.title = pass.title + ": backward",
                       .products = model_gradient_products(config, pass.plan.rows(), loss),
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
  return rows * model_products(config) +
         rows * model_products(config, 1) * (1 + loss.count());  // not through the first block
}

void block_gradients(const DecoderBlock& block, const BatchPlan& plan, const at::Tensor& input,
                     const Streams& output, const ShowGradients& show) {
  for (const Batch& batch : plan.batches()) pass_batch(block, batch, input, output, show);
}

int64_t model_gradient_products(const ModelConfig& config, int64_t rows, const BackwardLoss& loss) {
  return rows * model_products(config) * (1 + loss.count());
}

}  // namespace mpq
