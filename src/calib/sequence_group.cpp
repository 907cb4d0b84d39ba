// Groups of sequences and their common steps.
#include "mpq/calib/sequence_group.h"

#include <ATen/ATen.h>

#include <numeric>
#include <random>

namespace mpq {
namespace {

struct Sequences {
  std::vector<TokenSequence> tokens;
  std::vector<int64_t> answer_from;  // 0: all of it is measured
  void add(const TokenSequence& sequence, int64_t answer) {
    tokens.push_back(sequence);
    answer_from.push_back(answer);
  }
};

/// Sequences drawn at random within `tokens`, at least one, and the rest; both in their order.
std::pair<Sequences, Sequences> draw_probes(const Sequences& sequences, int64_t tokens,
                                            uint64_t seed) {
  const auto& all = sequences.tokens;
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
  std::pair<Sequences, Sequences> parts;
  for (size_t i = 0; i < all.size(); ++i)
    (probed[i] ? parts.first : parts.second).add(all[i], sequences.answer_from[i]);
  return parts;
}

/// Rows that predict the answers' tokens; undefined where no sequence has one.
at::Tensor answer_rows(const BatchPlan& plan, const std::vector<int64_t>& answer_from) {
  std::vector<int64_t> rows;
  for (size_t i = 0; i < answer_from.size(); ++i) {
    const auto sequence = static_cast<int64_t>(i);
    const int64_t last = plan.length(sequence) - 1;  // predicts what is not there
    for (int64_t token = answer_from[i] - 1; answer_from[i] > 0 && token < last; ++token)
      rows.push_back(plan.first_row(sequence) + token);
  }
  return rows.empty() ? at::Tensor() : at::tensor(at::ArrayRef<int64_t>(rows), at::kLong);
}

}  // namespace

std::vector<SequenceGroup> calibration_groups(const PromptSet& set, const GroupOptions& options) {
  Sequences task, text;
  for (const auto& prompt : set.task) task.add(prompt.tokens, prompt.answer_from);
  for (const auto& window : set.text) text.add(window, 0);
  std::vector<SequenceGroup> groups;
  const auto add = [&](const Sequences& part, bool is_text, bool probe) {
    if (part.tokens.empty()) return;
    BatchPlan plan(part.tokens, options.batch_tokens);
    const at::Tensor scored = answer_rows(plan, part.answer_from);
    groups.push_back({std::move(plan), is_text, probe, scored});
  };
  const auto add_both = [&](const Sequences& all, bool is_text, int64_t probe_tokens) {
    const auto [probed, rest] = draw_probes(all, probe_tokens, options.seed);
    add(probed, is_text, true);
    add(rest, is_text, false);
  };
  add_both(task, false, options.probe_task_tokens);
  add_both(text, true, options.probe_text_tokens);
  return groups;
}

at::Tensor SequenceGroup::scored(const at::Tensor& by_row) const {
  return scored_rows.defined() ? by_row.index_select(0, scored_rows) : by_row;
}

Streams embed_groups(const Model& model, const std::vector<SequenceGroup>& groups,
                     MemoryBudget& memory) {
  Streams streams;
  for (const auto& group : groups) streams.push_back(embed_all(model, group.plan, memory));
  return streams;
}

Streams forward_groups(const DecoderBlock& block, const std::vector<SequenceGroup>& groups,
                       const Streams& input, MemoryBudget& memory) {
  Streams output;
  for (size_t g = 0; g < groups.size(); ++g) {
    output.push_back(memory.allocate(input[g].size(0), input[g].size(1), input[g].scalar_type()));
    forward_all(block, groups[g].plan, input[g], output.back());
  }
  return output;
}

void forward_groups(const DecoderBlock& block, const std::vector<SequenceGroup>& groups,
                    Streams& streams) {
  for (size_t g = 0; g < groups.size(); ++g)
    forward_all(block, groups[g].plan, streams[g], streams[g]);
}

int64_t total_rows(const std::vector<SequenceGroup>& groups) {
  int64_t rows = 0;
  for (const auto& group : groups) rows += group.plan.rows();
  return rows;
}

}  // namespace mpq
