// Exact multiple-choice knapsack: a Pareto list of partial solutions, units of the core first
// (Pisinger, 1995), cut by the bound of the linear relaxation; beyond the state limit a beam that
// still proves its gap.
#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>

#include "mpq/alloc/knapsack.h"

namespace mpq {
namespace {

/// A choice for the units decided so far; `parent` indexes the list one trace level before.
struct State {
  int64_t cost = 0;
  int64_t loss = 0;
  int32_t parent = 0;
  int32_t item = 0;
};

struct Trace {
  size_t unit = 0;
  std::vector<std::pair<int32_t, int32_t>> back;  // parent, item
};

bool better(int64_t loss, int64_t cost, const KnapsackSolution& than) {
  return loss != than.loss ? loss < than.loss : cost < than.cost;
}

/// Merges two lists sorted by rising cost and falling loss, without what is dominated; ties keep
/// a's.
std::vector<State> merge_undominated(const std::vector<State>& a, const std::vector<State>& b) {
  std::vector<State> result;
  result.reserve(a.size() + b.size());
  size_t i = 0, j = 0;
  while (i < a.size() || j < b.size()) {
    const bool from_a =
        j == b.size() ||
        (i < a.size() && (a[i].cost != b[j].cost ? a[i].cost < b[j].cost : a[i].loss <= b[j].loss));
    const State& next = from_a ? a[i++] : b[j++];
    if (result.empty() || next.loss < result.back().loss) result.push_back(next);
  }
  return result;
}

class Search {
 public:
  Search(const Knapsack& knapsack, const KnapsackLimits& limits)
      : knapsack_(knapsack),
        limits_(limits),
        steps_(hull_steps(knapsack)),
        open_(knapsack.units.size(), 1),
        fixed_(knapsack.units.size(), 0) {}

  KnapsackSolution run() {
    const auto root = Relaxation(knapsack_, steps_, open_).at(knapsack_.room);
    best_.items.assign(knapsack_.units.size(), 0);
    best_.cost = apply_steps(steps_, open_, root.steps, true, knapsack_.room, best_.items);
    for (size_t u = 0; u < best_.items.size(); ++u) {
      best_.loss += knapsack_.units[u][best_.items[u]].loss;
    }
    // Otherwise every unit takes its least loss: nothing is left to decide.
    if (root.steps < steps_.size()) {
      set_prices(steps_[root.steps]);
      for (const size_t u : core_first()) {
        if (!states_.empty()) decide(u);
      }
      prune();
    }
    best_.bound = std::min(best_.loss, dropped_bound_);
    return best_;
  }

 private:
  /// Lagrangian prices at the optimum of the relaxation: a loss counts `loss_price_`, a cost
  /// `cost_price_`.
  void set_prices(const HullStep& split) {
    loss_price_ = split.cost;
    cost_price_ = split.drop;
    lagrangian_ = -cost_price_ * knapsack_.room;
    for (const auto& items : knapsack_.units) {
      WideInt least = priced(items.front());
      for (const auto& item : items) least = std::min(least, priced(item));
      least_.push_back(least);
      lagrangian_ += least;
    }
  }

  WideInt priced(const KnapsackItem& item) const {
    return loss_price_ * item.loss + cost_price_ * item.cost;
  }

  /// The units whose second choice costs least come first: the sooner a unit, the more it is
  /// undecided.
  std::vector<size_t> core_first() const {
    std::vector<WideInt> regret;
    for (size_t u = 0; u < knapsack_.units.size(); ++u) {
      std::vector<WideInt> prices{WideInt{std::numeric_limits<int64_t>::max()}
                                  << 60};  // an only choice
      for (const auto& item : knapsack_.units[u]) prices.push_back(priced(item) - least_[u]);
      std::nth_element(prices.begin(), prices.begin() + 1, prices.end());
      regret.push_back(prices[1]);
    }
    std::vector<size_t> order(regret.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return regret[a] < regret[b]; });
    return order;
  }

  /// Extends every state by the items of one unit that an optimum may hold (reduced cost within the
  /// gap).
  void decide(size_t unit) {
    const auto& items = knapsack_.units[unit];
    std::vector<int32_t> able;
    for (size_t i = 0; i < items.size(); ++i) {
      const WideInt bound = lagrangian_ + priced(items[i]) - least_[unit];
      if (bound <= loss_price_ * best_.loss) able.push_back(static_cast<int32_t>(i));
    }
    open_[unit] = 0;
    if (able.size() == 1) {
      fixed_[unit] = able[0];  // no trace level: indices and parents stay as they are
      for (auto& state : states_) {
        state.cost += items[able[0]].cost;
        state.loss += items[able[0]].loss;
      }
    } else {
      branch(unit, able);
    }
  }

  void branch(size_t unit, const std::vector<int32_t>& able) {
    std::vector<State> next;  // stays empty when no item can be part of a better solution
    for (const int32_t i : able) {
      const auto& item = knapsack_.units[unit][i];
      std::vector<State> shifted;
      shifted.reserve(states_.size());
      for (size_t s = 0; s < states_.size(); ++s) {
        if (states_[s].cost + item.cost > knapsack_.room) break;
        shifted.push_back(
            {states_[s].cost + item.cost, states_[s].loss + item.loss, static_cast<int32_t>(s), i});
      }
      next = merge_undominated(next, shifted);
    }
    states_ = std::move(next);
    trace_.push_back({unit, {}});
    prune();
    for (const auto& state : states_) trace_.back().back.emplace_back(state.parent, state.item);
  }

  /// Completes every state along the relaxation, keeps the best solution seen, and drops the states
  /// that cannot beat it.
  void prune() {
    const Relaxation rest(knapsack_, steps_, open_);
    std::erase_if(states_, [this](const State& s) { return s.cost > knapsack_.room; });
    std::vector<int64_t> bounds;
    const State* winner = nullptr;
    size_t winner_steps = 0;
    for (const auto& state : states_) {
      const auto point = rest.at(knapsack_.room - state.cost);
      bounds.push_back(state.loss + point.bound);
      if (better(state.loss + point.loss, state.cost + point.cost, best_)) {
        best_.loss = state.loss + point.loss;
        best_.cost = state.cost + point.cost;
        winner = &state;
        winner_steps = point.steps;
      }
    }
    if (winner != nullptr) best_.items = complete(*winner, winner_steps);
    const auto good_enough = static_cast<int64_t>(limits_.tolerance * best_.loss);
    std::vector<char> keep(states_.size(), 0);
    for (size_t s = 0; s < states_.size(); ++s) {
      if (bounds[s] == best_.loss) {
        keep[s] = can_tie_for_less(states_[s], rest);
      } else if (bounds[s] < best_.loss) {
        keep[s] = bounds[s] < best_.loss - good_enough;
        if (!keep[s]) dropped_bound_ = std::min(dropped_bound_, bounds[s]);
      }
    }
    narrow(bounds, keep);
    size_t s = 0;
    std::erase_if(states_, [&](const State&) { return !keep[s++]; });
  }

  /// Whether a completion with the best loss may cost less than the best solution.
  bool can_tie_for_less(const State& state, const Relaxation& rest) const {
    const int64_t room = best_.cost - 1 - state.cost;
    return room >= 0 && state.loss + rest.at(room).bound <= best_.loss;
  }

  /// Beyond max_states only those of the least bounds stay; the others' bounds count in the proof.
  void narrow(const std::vector<int64_t>& bounds, std::vector<char>& keep) {
    std::vector<size_t> kept;
    for (size_t s = 0; s < keep.size(); ++s) {
      if (keep[s]) kept.push_back(s);
    }
    const auto limit = static_cast<size_t>(limits_.max_states);
    if (kept.size() <= limit) return;
    std::nth_element(kept.begin(), kept.begin() + limit, kept.end(), [&](size_t a, size_t b) {
      return bounds[a] != bounds[b] ? bounds[a] < bounds[b] : a < b;
    });
    for (size_t i = limit; i < kept.size(); ++i) {
      keep[kept[i]] = 0;
      dropped_bound_ = std::min(dropped_bound_, bounds[kept[i]]);
    }
  }

  std::vector<int> complete(const State& state, size_t steps) const {
    std::vector<int> items = fixed_;
    State at = state;
    for (size_t level = trace_.size(); level-- > 0;) {
      items[trace_[level].unit] = at.item;
      if (level > 0) std::tie(at.parent, at.item) = trace_[level - 1].back[at.parent];
    }
    apply_steps(steps_, open_, steps, false, knapsack_.room, items);
    return items;
  }

  const Knapsack& knapsack_;
  const KnapsackLimits& limits_;
  const std::vector<HullStep> steps_;
  std::vector<char> open_;  // not decided yet
  std::vector<int> fixed_;  // 0 while open, which is where hull steps start
  WideInt loss_price_ = 0, cost_price_ = 0, lagrangian_ = 0;
  std::vector<WideInt> least_;  // per unit, of priced()
  std::vector<State> states_{{}};
  std::vector<Trace> trace_;
  KnapsackSolution best_;
  int64_t dropped_bound_ = std::numeric_limits<int64_t>::max();
};

}  // namespace

KnapsackSolution solve_knapsack(const Knapsack& knapsack, const KnapsackLimits& limits) {
  return Search(knapsack, limits).run();
}

}  // namespace mpq
