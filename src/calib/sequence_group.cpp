// Groups of sequences and their common steps.
#include "mpq/calib/sequence_group.h"

#include <ATen/ATen.h>

#include <numeric>
#include <random>

namespace mpq {
namespace {

/// Sequences drawn at random within `tokens`, at least one, and the rest; both in their order.
std::pair<std::vector<TokenSequence>, std::vector<TokenSequence>> draw_probes(
    const std::vector<TokenSequence>& all, int64_t tokens, uint64_t seed) {
  std::vector<size_t> order(all.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::mt19937_64 random(seed);
  for (size_t i = 0; i + 1 < order.size(); ++i)
    std::swap(order[i], order[i + random() % (order.size() - i)]);
  std::vector<bool> probed(all.size(), false);
  int64_t used = 0;
  for (const size_t index : order) {
    const auto length = static_cast<int64_t>(all[index].size());
    if (used > 0 && used + length > tokens) continue;
    probed[index] = true;
    used += length;
  }
  std::pair<std::vector<TokenSequence>, std::vector<TokenSequence>> parts;
  for (size_t i = 0; i < all.size(); ++i)
    (probed[i] ? parts.first : parts.second).push_back(all[i]);
  return parts;
}

}  // namespace

std::vector<SequenceGroup> calibration_groups(const PromptSet& set, const GroupOptions& options) {
  std::vector<TokenSequence> task;
  for (const auto& prompt : set.task) task.push_back(prompt.tokens);
  std::vector<SequenceGroup> groups;
  const auto add = [&](const std::vector<TokenSequence>& all, bool text, int64_t probe_tokens) {
    const auto [probed, rest] = draw_probes(all, probe_tokens, options.seed);
    if (!probed.empty()) groups.push_back({BatchPlan(probed, options.batch_tokens), text, true});
    if (!rest.empty()) groups.push_back({BatchPlan(rest, options.batch_tokens), text, false});
  };
  add(task, false, options.probe_task_tokens);
  add(set.text, true, options.probe_text_tokens);
  return groups;
}

GroupHidden embed_groups(const Model& model, const std::vector<SequenceGroup>& groups,
                         MemoryBudget& memory) {
  GroupHidden hidden;
  for (const auto& group : groups) hidden.push_back(embed_all(model, group.plan, memory));
  return hidden;
}

GroupStates enter_groups(const ModelConfig& config, const DecoderBlock& block,
                         const std::vector<SequenceGroup>& groups, const GroupHidden& hidden,
                         MemoryBudget& memory) {
  GroupStates states;
  for (size_t i = 0; i < groups.size(); ++i)
    states.push_back(enter_all(config, block, groups[i].plan, hidden[i], memory));
  return states;
}

GroupStates advance_groups(const ModelConfig& config, const DecoderBlock& block, Stage stage,
                           const std::vector<SequenceGroup>& groups, const GroupStates& states,
                           MemoryBudget& memory) {
  GroupStates next;
  for (size_t i = 0; i < groups.size(); ++i)
    next.push_back(advance_all(config, block, stage, groups[i].plan, states[i], memory));
  return next;
}

}  // namespace mpq
