#pragma once
// Hidden states of a set of sequences, carried block by block.
#include <functional>

#include "mpq/io/memory_budget.h"
#include "mpq/model/model.h"

namespace mpq {

/// Embeddings of all rows of `plan`, [rows, hidden], in memory or scratch.
at::Tensor embed_all(const Model& model, const BatchPlan& plan, MemoryBudget& memory);

/// One block over all batches: reads `hidden`, writes `output` (they may be the same tensor).
void forward_all(const ModelConfig& config, const DecoderBlock& block, const BatchPlan& plan,
                 const at::Tensor& hidden, at::Tensor& output);

/// All blocks, one resident at a time: the last block's output, before the final norm.
/// `on_block(l)` after each.
at::Tensor forward_model(const Model& model, const BatchPlan& plan, MemoryBudget& memory,
                         const std::function<void(int64_t)>& on_block = {});

/// The state of all rows between two stages of a block.
struct StageStates {
  at::Tensor residual;  // [rows, hidden]
  at::Tensor input;     // [rows, channels of the stage]
};
StageStates enter_all(const ModelConfig& config, const DecoderBlock& block, const BatchPlan& plan,
                      const at::Tensor& hidden, MemoryBudget& memory);
/// Advances over all batches; `states` is replaced, not modified, so that a copy can branch off.
StageStates advance_all(const ModelConfig& config, const DecoderBlock& block, Stage stage,
                        const BatchPlan& plan, const StageStates& states, MemoryBudget& memory);

}  // namespace mpq
