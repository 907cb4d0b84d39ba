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

/// The stage states of all groups, group by group.
using GroupStates = std::vector<StageStates>;
using GroupHidden = std::vector<at::Tensor>;

GroupHidden embed_groups(const Model& model, const std::vector<SequenceGroup>& groups,
                         MemoryBudget& memory);
GroupStates enter_groups(const ModelConfig& config, const DecoderBlock& block,
                         const std::vector<SequenceGroup>& groups, const GroupHidden& hidden,
                         MemoryBudget& memory);
GroupStates advance_groups(const ModelConfig& config, const DecoderBlock& block, Stage stage,
                           const std::vector<SequenceGroup>& groups, const GroupStates& states,
                           MemoryBudget& memory);

}  // namespace mpq
