#pragma once
// One block over groups of sequences, stage by stage.
#include "mpq/calib/sequence_group.h"

namespace mpq {

/// Groups on their way through a block, as the block stands at each stage. Between stages only
/// streams of the model's width are kept: the inputs of the last stage, [rows, intermediate], are
/// computed again, batch by batch, whenever they are read.
class BlockPass {
 public:
  /// Probed groups keep those inputs too where `keep_probed`, for branches that begin there.
  BlockPass(const ModelConfig& config, const std::vector<SequenceGroup>& groups, Streams input,
            MemoryBudget& memory, bool keep_probed = false);

  /// The residual and the inputs of the linears at stage(), of one batch of a group.
  StageState rows(const DecoderBlock& block, size_t group, const Batch& batch) const;
  Stage stage() const { return static_cast<Stage>(stage_); }
  /// Through the linears of stage().
  void advance(const DecoderBlock& block);
  /// Through all stages that are left: the block's output.
  Streams finish(const DecoderBlock& block);
  /// The same pass for the probed groups alone, `groups`: what it does is not seen here.
  BlockPass branch(const std::vector<SequenceGroup>& groups) const;
  /// Whether a group's inputs at the last stage are computed again when they are read.
  bool recomputes(size_t group) const { return !keep_probed_ || !groups_[group].probe; }

 private:
  StageState entered(const DecoderBlock& block, size_t group, const Batch& batch) const;

  const ModelConfig& config_;
  const std::vector<SequenceGroup>& groups_;
  MemoryBudget& memory_;
  bool keep_probed_;
  int stage_ = 0;
  Streams residual_;
  Streams input_;  // of stage(); undefined where it follows from the residual
};

}  // namespace mpq
