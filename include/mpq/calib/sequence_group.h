#pragma once
// Sequences that walk through the model together: of the task or of general text, calibrated on or
// only measured.
#include <string>
#include <vector>

#include "mpq/calib/prompt_set.h"
#include "mpq/model/activations.h"

namespace mpq {

struct SequenceGroup {
  BatchPlan plan;
  bool text = false;   // general text, not the task
  bool probe = false;  // perturbed forward passes are measured on it
  /// int64: the rows whose outputs are measured, those that predict the answers' tokens; undefined:
  /// all.
  at::Tensor scored_rows{};
  /// The entries of the measured rows.
  at::Tensor scored(const at::Tensor& by_row) const;
};

struct GroupOptions {
  int64_t batch_tokens = kBatchTokens;
  int64_t probe_task_tokens = 8192;  // at most; at least one sequence
  int64_t probe_text_tokens = 2048;
  uint64_t seed = 0;  // of the choice of probes
};

/// The calibration part of a prompt set as up to four groups: task and text, each split in a probed
/// part and a rest. Probes are drawn from all prompts alike.
std::vector<SequenceGroup> calibration_groups(const PromptSet& set, const GroupOptions& options);

Streams embed_groups(const Model& model, const std::vector<SequenceGroup>& groups,
                     MemoryBudget& memory);
/// One block over all groups, to new streams.
Streams forward_groups(const DecoderBlock& block, const std::vector<SequenceGroup>& groups,
                       const Streams& input, MemoryBudget& memory);
/// In place.
void forward_groups(const DecoderBlock& block, const std::vector<SequenceGroup>& groups,
                    Streams& streams);
int64_t total_rows(const std::vector<SequenceGroup>& groups);

}  // namespace mpq
