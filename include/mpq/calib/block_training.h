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
  const std::vector<SequenceGroup>& groups;
  const Streams& input;
  const Streams& target;
  double text_share = 0.2;  // of general text in the error, whatever its share of the tokens
};

/// The squared error of a block's output, summed over channels, mean over the tokens of a batch.
class BlockError {
 public:
  explicit BlockError(const BlockReconstruction& reconstruction);
  int64_t batches() const { return static_cast<int64_t>(batches_.size()); }
  /// Of one batch, `step` modulo batches(): a scalar with gradients for the weights of `block`.
  /// Batches of task and of text are weighted so that text_share is text's part of all tokens'
  /// errors.
  at::Tensor operator()(const DecoderBlock& block, int64_t step) const;
  /// Of that batch.
  int64_t rows(int64_t step) const;
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

/// A unit that learns.
struct LearningUnit {
  Unit unit;
  std::unique_ptr<LearnedLinear> linear;
  int steps = 0;
  at::Tensor scale{};  // [in]: the linear is that of scaled_problem(); undefined for none
};

/// Steps all units of `block` together, each for its own number of steps: one forward and one
/// backward pass a step serve them all, as BRECQ, OmniQuant and AutoRound train. Returns their
/// codes; those they began with when training did not lower the error over all batches. Counts its
/// steps in `spent_steps`, when given.
std::vector<QuantizedLinear> train_block(const BlockReconstruction& reconstruction,
                                         const DecoderBlock& block,
                                         const std::vector<LearningUnit>& units,
                                         int64_t* spent_steps = nullptr);
/// What so many steps take, as count_products() counts: three products each, and the error over all
/// batches twice.
int64_t training_products(const BlockConfig& config, const std::vector<SequenceGroup>& groups,
                          int64_t steps);

}  // namespace mpq
