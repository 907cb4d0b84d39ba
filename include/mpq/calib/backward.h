#pragma once
// The backward pass, streaming: block inputs are kept, each block is recomputed for its own
// gradients, so that memory does not grow with depth beyond the hidden states.
#include <functional>

#include "mpq/calib/sequence_group.h"

namespace mpq {

/// What the backward pass shows of one linear stage on one batch.
struct StageGradients {
  int64_t block = 0;
  Stage stage = Stage::AttentionIn;
  at::Tensor input;  // [rows, in], what the stage's linears read
  /// Of the loss by each linear's output, [rows, out], as ModelConfig::linears; undefined for those
  /// of other stages.
  std::vector<at::Tensor> gradients;
  const Batch* batch = nullptr;
};

struct BackwardHooks {
  /// Before a block's gradients; may be empty.
  std::function<void(const DecoderBlock& block)> enter{};
  /// Every batch of every stage.
  std::function<void(const StageGradients&)> gradients{};
};

/// The loss is the sum over each sequence of the next-token cross entropy, in nats. Blocks come
/// last to first, stages and batches in any order.
void walk_backward(const Model& model, const BatchPlan& plan, MemoryBudget& memory,
                   const std::string& title, const BackwardHooks& hooks);

}  // namespace mpq
