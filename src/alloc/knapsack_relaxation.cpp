// The linear relaxation of the multiple-choice knapsack: convex hulls and steps by slope.
#include <algorithm>

#include "mpq/alloc/knapsack.h"

namespace mpq {
namespace {

/// Whether a drops more loss per cost than b.
bool steeper(const HullStep& a, const HullStep& b) {
  return WideInt{a.drop} * b.cost > WideInt{b.drop} * a.cost;
}

HullStep step_between(const std::vector<KnapsackItem>& items, int unit, int from, int to) {
  return {unit, from, to, items[to].cost - items[from].cost, items[from].loss - items[to].loss};
}

}  // namespace

std::vector<HullStep> hull_steps(const Knapsack& knapsack) {
  std::vector<HullStep> steps;
  for (size_t u = 0; u < knapsack.units.size(); ++u) {
    const auto& items = knapsack.units[u];
    const size_t first = steps.size();
    for (int i = 1; i < static_cast<int>(items.size()); ++i) {
      HullStep step = step_between(items, static_cast<int>(u), i - 1, i);
      while (steps.size() > first && !steeper(steps.back(), step)) {
        step = step_between(items, static_cast<int>(u), steps.back().from, i);
        steps.pop_back();
      }
      steps.push_back(step);
    }
  }
  std::stable_sort(steps.begin(), steps.end(), steeper);
  return steps;
}

Relaxation::Relaxation(const Knapsack& knapsack, const std::vector<HullStep>& steps,
                       const std::vector<char>& open)
    : cost_{0}, loss_{0} {
  for (size_t u = 0; u < knapsack.units.size(); ++u) {
    if (open[u]) loss_[0] += knapsack.units[u].front().loss;
  }
  for (const auto& step : steps) {
    if (!open[step.unit]) continue;
    cost_.push_back(cost_.back() + step.cost);
    loss_.push_back(loss_.back() - step.drop);
  }
}

Relaxation::Point Relaxation::at(int64_t room) const {
  const size_t i = std::upper_bound(cost_.begin(), cost_.end(), room) - cost_.begin() - 1;
  Point point{i, cost_[i], loss_[i], loss_[i]};
  if (i + 1 < cost_.size()) {
    const WideInt drop = loss_[i] - loss_[i + 1];
    point.bound -= static_cast<int64_t>(drop * (room - cost_[i]) / (cost_[i + 1] - cost_[i]));
  }
  return point;
}

int64_t apply_steps(const std::vector<HullStep>& steps, const std::vector<char>& open, size_t taken,
                    bool fill, int64_t room, std::vector<int>& items) {
  int64_t cost = 0;
  size_t seen = 0;
  for (const auto& step : steps) {
    if (!open[step.unit]) continue;
    const bool whole = seen++ < taken;
    if (!whole && !fill) break;
    // A unit whose earlier step did not fit goes no further.
    if (!whole && (items[step.unit] != step.from || cost + step.cost > room)) continue;
    items[step.unit] = step.to;
    cost += step.cost;
  }
  return cost;
}

double relaxed_lower_bound(const AllocationProblem& problem) {
  const Knapsack knapsack = make_knapsack(problem);
  const Relaxation relaxation(knapsack, hull_steps(knapsack),
                              std::vector<char>(knapsack.units.size(), 1));
  // Every loss was rounded by at most half a quantum.
  const double rounding = 0.5 * static_cast<double>(knapsack.units.size());
  const double bound = static_cast<double>(relaxation.at(knapsack.room).bound) - rounding;
  return std::max(0.0, bound * knapsack.loss_quantum);
}

}  // namespace mpq
