#pragma once
// Learns the quantization of a block's units together, under the error of the block's output.
#include <memory>
#include <vector>

#include "mpq/calib/sequence_group.h"
#include "mpq/model/unit.h"
#include "mpq/quant/learned_linear.h"

namespace mpq {

/// A block's calibration inputs, and its output as it should be. Holds references.
struct BlockReconstruction {
  const ModelConfig& config;
  const std::vector<SequenceGroup>& groups;
  const GroupHidden& input;
  const GroupHidden& target;
  double text_share = 0.2;  // of general text in the error, whatever its share of the tokens
};

/// The block's output for `input`, by group.
GroupHidden block_output(const ModelConfig& config, const DecoderBlock& block,
                         const std::vector<SequenceGroup>& groups, const GroupHidden& input,
                         MemoryBudget& memory);

/// The squared error of a block's output, summed over channels, mean over the tokens of a batch.
class BlockError {
 public:
  explicit BlockError(const BlockReconstruction& reconstruction);
  int64_t batches() const { return static_cast<int64_t>(batches_.size()); }
  /// Of one batch, `step` modulo batches(): a scalar with gradients for the weights of `block`.
  /// Batches of task and of text are weighted so that text_share is text's part of all tokens'
  /// errors.
  at::Tensor operator()(const DecoderBlock& block, int64_t step) const;
  /// The sum over all batches, without gradients.
  double sum(const DecoderBlock& block) const;

 private:
  struct Part {
    size_t group;
    const Batch* batch;
    double weight;
  };
  BlockReconstruction given_;
  std::vector<Part> batches_;
};

/// Passes of one block: forwards over all calibration tokens, and training steps, each a forward
/// and a backward pass over one batch for all units that learn.
struct QuantizeCost {
  int64_t block_forwards = 0;
  int64_t training_steps = 0;
};

/// A unit that learns.
struct LearningUnit {
  Unit unit;
  std::unique_ptr<LearnedLinear> linear;
  int steps = 0;
  at::Tensor scale{};  // [in]: the linear is that of scaled_problem(); undefined for none
};

/// Steps all units of `block` together, each for its own number of steps: one forward and one
/// backward pass a step serve them all, as BRECQ, OmniQuant and AutoRound train. Returns their
/// codes; those they began with when training did not lower the error over all batches. Adds the
/// passes made to `spent`.
std::vector<QuantizedLinear> train_block(const BlockReconstruction& reconstruction,
                                         const DecoderBlock& block,
                                         const std::vector<LearningUnit>& units,
                                         QuantizeCost* spent = nullptr);

}  // namespace mpq
