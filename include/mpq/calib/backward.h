#pragma once
// The backward pass, streaming: block inputs are kept, each block is recomputed for its own
// gradients, so that memory does not grow with depth beyond the hidden states.
#include <functional>

#include "mpq/calib/sequence_group.h"

namespace mpq {

/// What the loss is: summed over a sequence's tokens, in nats, the cross entropy of
/// - the token that follows (draws = 0), or
/// - tokens drawn from the model's own distribution, for every draw by itself: the mean over draws
///   of (g . d)^2 is then twice the KL that a small change d of the outputs makes, to second order.
struct BackwardLoss {
  int draws = 0;
  uint64_t seed = 0;
  int count() const { return draws > 0 ? draws : 1; }
};

/// What a linear read in a batch, and the loss's gradient by what it put out.
struct LinearGradient {
  size_t linear = 0;    // index into BlockConfig::linears
  at::Tensor rows;      // int64, ascending: the batch's rows that it read; undefined: all
  at::Tensor input;     // [rows, in]; linears of one stage and expert share it
  at::Tensor gradient;  // [rows, out]
};

/// What the backward pass shows of one linear stage on one batch.
struct StageGradients {
  int64_t block = 0;
  Stage stage = Stage::AttentionIn;
  int draw = 0;
  std::vector<LinearGradient> linears;  // but for experts that no token chose
  const Batch* batch = nullptr;
};
using ShowGradients = std::function<void(const StageGradients&)>;

/// A backward pass over the sequences of `plan`. Holds references.
struct BackwardPass {
  const Model& model;
  const BatchPlan& plan;
  MemoryBudget& memory;
  std::string title;
  std::string state_file{};  // a killed pass goes on from there; empty: from its beginning
  at::Tensor scored_rows{};  // int64: the rows whose outputs the loss is of; undefined: all
};

/// Gradients of the loss by a residual stream: by draw, [rows, hidden]. Those of draws are
/// bfloat16.
using VisitGradients = std::function<void(int64_t block, const Streams& output)>;

/// Every stage of every block, for the text's own next tokens. Blocks come last to first, stages
/// and batches in any order; `done` after the last of a block. Throws Error(Numeric) when the loss
/// is not a number.
void pass_backward(const BackwardPass& pass, const ShowGradients& show,
                   const std::function<void(int64_t block)>& done);

/// Shows the gradients by every block's output, last to first.
void stream_gradients(const BackwardPass& pass, const BackwardLoss& loss,
                      const VisitGradients& visit);
/// What it takes, as count_products() counts.
int64_t stream_gradient_products(const ModelConfig& config, int64_t rows, const BackwardLoss& loss);

/// Every stage of one block, from its input [rows, hidden] and the gradients by its output.
void block_gradients(const DecoderBlock& block, const BatchPlan& plan, const at::Tensor& input,
                     const Streams& output, const ShowGradients& show);
/// Of all blocks.
int64_t model_gradient_products(const ModelConfig& config, int64_t rows, const BackwardLoss& loss);

}  // namespace mpq
