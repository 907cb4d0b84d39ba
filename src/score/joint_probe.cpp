// Plans as paths: those that chose the same up to a block are one path.
#include "mpq/score/joint_probe.h"

#include <ATen/ATen.h>

#include <cmath>
#include <map>
#include <set>

#include "mpq/core/error.h"
#include "mpq/core/log.h"
#include "mpq/score/loss_table.h"

namespace mpq {
namespace {

/// The context with only the candidates that some plan uses, and where they were.
struct UsedCandidates {
  ScoreContext context;
  std::vector<std::vector<int>> original;  // [unit][candidate] to the full context's candidate

  UsedCandidates(const ScoreContext& full, const std::vector<Choice>& plans) : context(full) {
    context.finished_folder.clear();
    for (size_t u = 0; u < full.units.size(); ++u) {
      std::set<int> used;
      for (const auto& plan : plans) used.insert(plan[u]);
      original.emplace_back(used.begin(), used.end());
      auto& candidates = context.units[u].candidates;
      candidates = {};
      for (const int c : original.back())
        candidates.push_back(full.units[u].candidates[static_cast<size_t>(c)]);
    }
  }
};

/// Plans that agree so far, and their hidden states of the probed groups.
struct Path {
  std::vector<size_t> plans;
  Streams hidden;
};

class JointWalk {
 public:
  JointWalk(const ScoreContext& context, const std::vector<Choice>& plans)
      : used_(context, plans),
        plans_(plans),
        probed_(pick(context.groups, probed_groups(context))) {}

  /// The last block's output of every plan.
  std::vector<Streams> run() {
    const ScoreContext& context = used_.context;
    CandidateWalk walk{.title = "measure plans"};
    walk.enter = [&](const DecoderBlock& block, const Streams&) {
      full_ = block;
      differences_.clear();
    };
    walk.weights = [&](size_t unit, size_t candidate, const at::Tensor& difference) {
      differences_[{unit, used_.original[unit][candidate]}] = difference;
    };
    walk.leave = [&](int64_t, const Streams& input, const Streams&) { advance(input); };
    ScoreTable unused = empty_table(context, "");
    walk_candidates(context, walk, unused);
    std::vector<Streams> outputs(plans_.size());
    for (const auto& path : paths_) {
      for (const size_t plan : path.plans) outputs[plan] = path.hidden;
    }
    return outputs;
  }

 private:
  /// The choices of a plan within the resident block.
  Choice choice_of(size_t plan) const {
    Choice choice;
    for (size_t u = 0; u < used_.context.units.size(); ++u) {
      if (used_.context.units[u].unit.block == full_.index) choice.push_back(plans_[plan][u]);
    }
    return choice;
  }

  DecoderBlock block_of(size_t plan) const {
    DecoderBlock block = full_;
    for (size_t u = 0; u < used_.context.units.size(); ++u) {
      const auto found = differences_.find({u, plans_[plan][u]});
      if (found != differences_.end())
        block = with_difference(used_.context, block, u, found->second);
    }
    return block;
  }

  void advance(const Streams& input) {
    if (paths_.empty()) {
      paths_.push_back({{}, input});
      for (size_t plan = 0; plan < plans_.size(); ++plan) paths_.front().plans.push_back(plan);
    }
    std::vector<Path> next;
    for (const auto& path : paths_) {
      std::map<Choice, std::vector<size_t>> branches;
      for (const size_t plan : path.plans) branches[choice_of(plan)].push_back(plan);
      for (const auto& [choice, plans] : branches)
        next.push_back({plans, forward_groups(block_of(plans.front()), probed_, path.hidden,
                                              *used_.context.memory)});
    }
    paths_ = std::move(next);
  }

  UsedCandidates used_;
  const std::vector<Choice>& plans_;
  std::vector<SequenceGroup> probed_;
  std::vector<Path> paths_;
  DecoderBlock full_;
  std::map<std::pair<size_t, int>, at::Tensor> differences_;
};

}  // namespace

std::vector<JointLoss> joint_losses(const ScoreContext& context, const std::vector<Choice>& plans,
                                    double text_weight) {
  const OutputProbe probe(context, {.text_weight = text_weight});
  const int64_t last = context.model->config().layers - 1;
  const auto divergences = probe.divergences(last, JointWalk(context, plans).run());
  std::vector<JointLoss> losses;
  for (const auto& kl : divergences) {
    OutputProbe::GroupKl difference = kl;
    for (size_t g = 0; g < kl.size(); ++g) {
      if (kl[g].defined()) difference[g] = kl[g] - divergences.front()[g];
    }
    losses.push_back({probe.loss(kl), probe.loss(difference)});
  }
  const double first = losses.empty() ? 0 : losses.front().loss.mean;
  require(std::isfinite(first), ErrorCode::Numeric,
          "the loss of a plan's units together is {}, of each alone it is finite; try --dtype "
          "float32, or leave the smallest widths out of the palette",
          first);
  return losses;
}

}  // namespace mpq
