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

/// What the backward pass shows of one linear stage on one batch.
struct StageGradients {
  int64_t block = 0;
  Stage stage = Stage::AttentionIn;
  int draw = 0;
  at::Tensor input;  // [rows, in], what the stage's linears read
  /// Of the loss by each linear's output, [rows, out], as ModelConfig::linears; undefined for those
  /// of other stages.
  std::vector<at::Tensor> gradients;
  const Batch* batch = nullptr;
};
using ShowGradients = std::function<void(const StageGradients&)>;

/// Gradients by the residual stream between two blocks: by draw, [rows, hidden].
using StreamGradients = std::vector<at::Tensor>;

/// Every stage of every block, for the text's own next tokens. Blocks come last to first, stages
/// and batches in any order. Throws Error(Numeric) when the loss is not a number.
void walk_backward(const Model& model, const BatchPlan& plan, MemoryBudget& memory,
                   const std::string& title, const ShowGradients& show);

/// The gradients by every block's output, in bfloat16 when they are draws. 2 layers - 1 forwards of
/// a block and as many of its backwards as there are draws.
std::vector<StreamGradients> stream_gradients(const Model& model, const BatchPlan& plan,
                                              const BackwardLoss& loss, MemoryBudget& memory,
                                              const std::string& title);

/// Every stage of one block, from its input [rows, hidden] and the gradients by its output.
void block_gradients(const ModelConfig& config, const DecoderBlock& block, const BatchPlan& plan,
                     const at::Tensor& input, const StreamGradients& output,
                     const ShowGradients& show);

}  // namespace mpq
