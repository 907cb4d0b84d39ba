// Streams between the stages of a block.
#include "mpq/calib/block_pass.h"

#include <ATen/ATen.h>

#include "mpq/core/log.h"

namespace mpq {

std::vector<bool> kept_inputs(const ModelConfig& config, const std::vector<SequenceGroup>& groups,
                              bool branches, int64_t limit) {
  std::vector<bool> kept(groups.size(), false);
  for (const bool probed : {true, false}) {
    for (size_t g = 0; g < groups.size(); ++g) {
      if (groups[g].probe != probed) continue;
      const int64_t bytes =
          groups[g].plan.rows() * config.intermediate * static_cast<int64_t>(sizeof(float));
      kept[g] = bytes <= limit || (probed && branches);
      if (kept[g]) limit -= bytes;
    }
  }
  return kept;
}

BlockPass::BlockPass(const ModelConfig& config, const std::vector<SequenceGroup>& groups,
                     Streams input, MemoryBudget& memory, std::vector<bool> kept)
    : config_(config),
      groups_(groups),
      memory_(memory),
      kept_(std::move(kept)),
      residual_(std::move(input)),
      input_(residual_.size()) {}

/// At a stage whose inputs follow from the residual alone.
StageState BlockPass::entered(const DecoderBlock& block, size_t group, const Batch& batch) const {
  const at::Tensor residual = rows_of(residual_[group], batch);
  if (stage() == Stage::AttentionIn) return enter_block(config_, block, residual);
  StageState state = enter_mlp(config_, block, residual);
  if (stage() == Stage::MlpOut) mpq::advance(config_, block, Stage::MlpIn, batch.runs, state);
  return state;
}

StageState BlockPass::rows(const DecoderBlock& block, size_t group, const Batch& batch) const {
  if (!input_[group].defined()) return entered(block, group, batch);
  return {rows_of(residual_[group], batch), rows_of(input_[group], batch)};
}

void BlockPass::advance(const DecoderBlock& block) {
  for (size_t g = 0; g < groups_.size(); ++g) {
    // What the MLP's linears put out is not kept: rows() makes it again.
    if (stage() == Stage::MlpIn && !kept_[g]) continue;
    at::Tensor residual = residual_[g];
    at::Tensor next;
    if (stage() == Stage::AttentionOut || stage() == Stage::MlpOut)
      residual = memory_.allocate(residual.size(0), residual.size(1), residual.scalar_type());
    for (const Batch& batch : groups_[g].plan.batches()) {
      check_interrupt();
      StageState state = rows(block, g, batch);
      mpq::advance(config_, block, stage(), batch.runs, state);
      if (!residual.is_same(residual_[g])) {
        rows_of(residual, batch).copy_(state.residual);
        continue;
      }
      if (!next.defined())
        next = memory_.allocate(groups_[g].plan.rows(), state.input.size(1),
                                state.input.scalar_type());
      rows_of(next, batch).copy_(state.input);
    }
    residual_[g] = residual;
    input_[g] = next;
  }
  ++stage_;
}

Streams BlockPass::finish(const DecoderBlock& block) {
  while (stage_ < kStages) advance(block);
  return residual_;
}

BlockPass BlockPass::branch(const std::vector<SequenceGroup>& groups) const {
  Streams residual, input;
  for (size_t g = 0; g < groups_.size(); ++g) {
    if (!groups_[g].probe) continue;
    residual.push_back(residual_[g]);
    input.push_back(input_[g]);
  }
  // What it makes itself it reads once.
  BlockPass branch(config_, groups, std::move(residual), memory_, std::vector<bool>(groups.size()));
  branch.stage_ = stage_;
  branch.input_ = std::move(input);
  return branch;
}

}  // namespace mpq
