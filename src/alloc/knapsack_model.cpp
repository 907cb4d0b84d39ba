// Turns an allocation problem into an integer knapsack: dominance, common divisor, loss quanta.
#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "mpq/alloc/knapsack.h"
#include "mpq/alloc/problem.h"

namespace mpq {
namespace {

// The quanta are refined until the scale is within this factor of a known solution's loss.
constexpr double kScaleSlack = 8;

/// One unit's loss takes at most 2^bits quanta, and the sum over all units less than 2^62.
int loss_bits(size_t units) { return std::min(50, 61 - static_cast<int>(std::bit_width(units))); }

std::vector<KnapsackItem> undominated(const AllocationUnit& unit, double scale, double quantum) {
  std::vector<KnapsackItem> items;
  for (size_t c = 0; c < unit.candidates.size(); ++c) {
    const double loss = std::min(clamped_loss(unit.candidates[c]), scale);
    items.push_back({unit.candidates[c].bytes, std::llround(loss / quantum), static_cast<int>(c)});
  }
  std::stable_sort(items.begin(), items.end(), [](const auto& a, const auto& b) {
    return a.cost != b.cost ? a.cost < b.cost : a.loss < b.loss;
  });
  std::vector<KnapsackItem> kept;
  for (const auto& item : items) {
    if (kept.empty() || item.loss < kept.back().loss) kept.push_back(item);
  }
  const int64_t cheapest = kept.front().cost;
  for (auto& item : kept) item.cost -= cheapest;
  return kept;
}

Knapsack make_scaled(const AllocationProblem& problem, double scale) {
  Knapsack knapsack;
  // A power of two: what doubles hold exactly stays exact, and so do ties.
  int exponent = 0;
  std::frexp(scale, &exponent);
  exponent = std::max(exponent - loss_bits(problem.units.size()), -1022);  // no subnormal quanta
  knapsack.loss_quantum = std::ldexp(1.0, exponent);
  int64_t divisor = 0, dearest = 0;
  for (const auto& unit : problem.units) {
    knapsack.units.push_back(undominated(unit, scale, knapsack.loss_quantum));
    for (const auto& item : knapsack.units.back()) divisor = std::gcd(divisor, item.cost);
    dearest += knapsack.units.back().back().cost;
  }
  knapsack.room = std::min(problem.budget_bytes - smallest_bytes(problem), dearest);
  if (divisor > 1) {
    knapsack.room /= divisor;
    for (auto& items : knapsack.units) {
      for (auto& item : items) item.cost /= divisor;
    }
  }
  return knapsack;
}

double greedy_loss(const AllocationProblem& problem, const Knapsack& knapsack) {
  const auto steps = hull_steps(knapsack);
  std::vector<int> items(knapsack.units.size(), 0);
  apply_steps(steps, std::vector<char>(items.size(), 1), 0, true, knapsack.room, items);
  double loss = 0;
  for (size_t u = 0; u < items.size(); ++u) {
    loss += clamped_loss(problem.units[u].candidates[knapsack.units[u][items[u]].candidate]);
  }
  return loss;
}

}  // namespace

Knapsack make_knapsack(const AllocationProblem& problem) {
  require_feasible(problem);
  double scale = 0;
  for (const auto& unit : problem.units) {
    for (const auto& candidate : unit.candidates) scale = std::max(scale, clamped_loss(candidate));
  }
  for (;;) {
    Knapsack knapsack = make_scaled(problem, scale);
    const double known = greedy_loss(problem, knapsack);
    if (known == 0 || scale <= kScaleSlack * known) return knapsack;
    scale = 2 * known;
  }
}

}  // namespace mpq
