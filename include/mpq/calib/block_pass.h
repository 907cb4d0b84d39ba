#pragma once
// One block over groups of sequences, stage by stage.
#include "mpq/calib/sequence_group.h"

namespace mpq {

/// What a pass may keep of the inputs of a block's last stage.
constexpr int64_t kKeptInputBytes = int64_t{256} << 20;

/// Which groups keep these inputs, [rows, intermediate]: those that fit in `limit` bytes together,
/// the probed ones first - and, where branches begin there, whatever they take. None of a
/// mixture's.
std::vector<bool> kept_inputs(const BlockConfig& config, const std::vector<SequenceGroup>& groups,
                              bool branches, int64_t limit = kKeptInputBytes);

/// Groups on their way through a block, as the block stands at each stage. Between stages only
/// streams of the model's width are kept: the inputs of the last stage, [rows, intermediate], are
/// computed again, batch by batch, whenever they are read, but for the few that kept_inputs() says.
class BlockPass {
 public:
  /// `kept` as kept_inputs() gives it.
  BlockPass(const std::vector<SequenceGroup>& groups, Streams input, MemoryBudget& memory,
            std::vector<bool> kept);

  /// The residual and the inputs of the linears at stage(), of one batch of a group.
  StageState rows(const DecoderBlock& block, size_t group, const Batch& batch) const;
  Stage stage() const { return static_cast<Stage>(stage_); }
  /// Through the linears of stage().
  void advance(const DecoderBlock& block);
  /// Through all stages that are left: the block's output.
  Streams finish(const DecoderBlock& block);
  /// The same pass for the probed groups alone, `groups`: what it does is not seen here.
  BlockPass branch(const std::vector<SequenceGroup>& groups) const;

 private:
  StageState entered(const DecoderBlock& block, size_t group, const Batch& batch) const;

  const std::vector<SequenceGroup>& groups_;
  MemoryBudget& memory_;
  std::vector<bool> kept_;
  int stage_ = 0;
  Streams residual_;
  Streams input_;  // of stage(); undefined where it follows from the residual
};

}  // namespace mpq
