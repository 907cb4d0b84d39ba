// Streams between the stages of a block.
#include "mpq/calib/block_pass.h"

#include <ATen/ATen.h>

#include "mpq/core/log.h"

namespace mpq {

std::vector<bool> kept_inputs(const BlockConfig& config, const std::vector<SequenceGroup>& groups,
                              bool branches, int64_t limit) {
  std::vector<bool> kept(groups.size(), false);
  // A mixture's rows are of pairs, and routed anew.
  if (config.mixture() || !config.has_mlp()) return kept;
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

BlockPass::BlockPass(const std::vector<SequenceGroup>& groups, Streams input, MemoryBudget& memory,
                     std::vector<bool> kept)
    : groups_(groups),
      memory_(memory),
      kept_(std::move(kept)),
      residual_(std::move(input)),
      input_(residual_.size()) {}

/// At a stage whose inputs follow from the residual alone.
StageState BlockPass::entered(const DecoderBlock& block, size_t group, const Batch& batch) const {
  const at::Tensor residual = rows_of(residual_[group], batch);
  if (stage() == Stage::AttentionIn) return enter_block(block, residual);
  if (stage() == Stage::AttentionOut) return {residual, {}};  // nothing mixes
  StageState state = enter_mlp(block, residual);
  if (stage() == Stage::MlpOut) mpq::advance(block, Stage::MlpIn, batch.runs, state);
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
    const bool adds = stage() == Stage::AttentionOut || stage() == Stage::MlpOut;
    at::Tensor residual, next;
    const auto put = [&](const at::Tensor& rows, const Batch& batch, at::Tensor& all) {
      if (!all.defined())
        all = memory_.allocate(groups_[g].plan.rows(), rows.size(1), rows.scalar_type());
      rows_of(all, batch).copy_(rows);
    };
    for (const Batch& batch : groups_[g].plan.batches()) {
      check_interrupt();
      StageState state = rows(block, g, batch);
      mpq::advance(block, stage(), batch.runs, state);
      if (adds) put(state.residual, batch, residual);
      if (!adds && state.input.defined()) put(state.input, batch, next);
    }
    if (adds) residual_[g] = residual;
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
  BlockPass branch(groups, std::move(residual), memory_, std::vector<bool>(groups.size()));
  branch.stage_ = stage_;
  branch.input_ = std::move(input);
  return branch;
}

}  // namespace mpq
