#pragma once
// Residual streams of sets of sequences, carried from block to block.
#include <string>
#include <vector>

#include "mpq/io/memory_budget.h"
#include "mpq/model/model.h"

namespace mpq {

/// The hidden states of some sets of sequences between two blocks: [rows, hidden] each, in
/// wide_dtype().
using Streams = std::vector<at::Tensor>;

/// A batch's rows of a tensor of all rows.
at::Tensor rows_of(const at::Tensor& all, const Batch& batch);

/// Embeddings of all rows of `plan`, [rows, hidden].
at::Tensor embed_all(const Model& model, const BatchPlan& plan, MemoryBudget& memory);

/// One block over all batches: reads `hidden`, writes `output` (they may be the same tensor), adds
/// to `expert_rows`, when given.
void forward_all(const DecoderBlock& block, const BatchPlan& plan, const at::Tensor& hidden,
                 at::Tensor& output, ExpertRows* expert_rows = nullptr);

/// All blocks, one resident at a time: the last block's output, before the final norm. Shows its
/// progress under `title`, none without.
at::Tensor forward_model(const Model& model, const BatchPlan& plan, MemoryBudget& memory,
                         const std::string& title = "");

}  // namespace mpq
