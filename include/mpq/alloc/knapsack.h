#pragma once
// The multiple-choice knapsack behind allocation, in integers, so that bounds and ties are exact.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "mpq/alloc/allocator.h"

namespace mpq {

/// Products of a cost and a loss.
__extension__ typedef __int128 WideInt;

/// A candidate that no other of its unit dominates.
struct KnapsackItem {
  int64_t cost = 0;  // bytes above the unit's cheapest candidate, in common divisors
  int64_t loss = 0;  // in quanta
  int candidate = 0;
};

/// units[u] is sorted: cost rises from 0, loss falls strictly.
struct Knapsack {
  std::vector<std::vector<KnapsackItem>> units;
  int64_t room = 0;  // budget above every unit's cheapest candidate, in common divisors
  double loss_quantum = 1;
};

/// Throws as require_feasible. Losses are rounded to quanta of about 2^-47 of a known solution's
/// loss, near the rounding of a sum of doubles; a loss beyond that solution's is cut off, since it
/// cannot be part of an optimum.
Knapsack make_knapsack(const AllocationProblem& problem);

/// A step along the lower convex hull of one unit, from item `from` to item `to`.
struct HullStep {
  int unit = 0;
  int from = 0;
  int to = 0;
  int64_t cost = 0;
  int64_t drop = 0;  // of loss
};

/// All hull steps, steepest drop per cost first (ties: lower unit); those of one unit in their
/// order.
std::vector<HullStep> hull_steps(const Knapsack& knapsack);

/// The linear relaxation over the units with open[u] != 0 (Sinha and Zoltners, 1979): take the
/// steps in order, the last one in part. A prefix of whole steps is itself a solution.
class Relaxation {
 public:
  struct Point {
    size_t steps = 0;   // whole steps taken of the open units
    int64_t cost = 0;   // of those steps
    int64_t loss = 0;   // after those steps
    int64_t bound = 0;  // no choice within the room has less loss
  };

  Relaxation(const Knapsack& knapsack, const std::vector<HullStep>& steps,
             const std::vector<char>& open);
  /// `room` >= 0.
  Point at(int64_t room) const;

 private:
  std::vector<int64_t> cost_, loss_;  // [i]: after i steps
};

/// The first `taken` steps of the open units, applied to `items`; then, when `fill`, every later
/// step that still fits in `room`. Returns the cost of the steps taken.
int64_t apply_steps(const std::vector<HullStep>& steps, const std::vector<char>& open, size_t taken,
                    bool fill, int64_t room, std::vector<int>& items);

/// `max_states`: partial solutions kept after each unit. `tolerance`: relative gap that is good
/// enough.
struct KnapsackLimits {
  int max_states = 0;
  double tolerance = 0;
};

/// `items[u]` indexes units[u]; `bound` <= the least possible loss, equal to `loss` when that is
/// proven.
struct KnapsackSolution {
  std::vector<int> items;
  int64_t cost = 0;
  int64_t loss = 0;
  int64_t bound = 0;
};

/// Least loss, then least cost.
KnapsackSolution solve_knapsack(const Knapsack& knapsack, const KnapsackLimits& limits);

/// The relaxation's bound on the loss of any choice within the budget.
double relaxed_lower_bound(const AllocationProblem& problem);

}  // namespace mpq
