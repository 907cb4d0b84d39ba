// Checks an allocation problem and sums up a choice.
#include "mpq/alloc/problem.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "mpq/alloc/knapsack.h"
#include "mpq/core/error.h"

namespace mpq {

void check_candidates(const AllocationProblem& problem) {
  for (const auto& unit : problem.units) {
    require(!unit.candidates.empty(), ErrorCode::Usage,
            "unit \"{}\": no candidates; the palette offers nothing that fits its shape",
            unit.name);
    for (const auto& candidate : unit.candidates) {
      require(candidate.bytes >= 0, ErrorCode::Internal,
              "unit \"{}\", candidate \"{}\": expected bytes >= 0, found {}", unit.name,
              candidate.spec, candidate.bytes);
      require(std::isfinite(candidate.loss) && !std::isnan(candidate.loss_stderr),
              ErrorCode::Numeric,
              "unit \"{}\", candidate \"{}\": expected a finite loss, found {} (standard error "
              "{}); score it again or drop it from the palette",
              unit.name, candidate.spec, candidate.loss, candidate.loss_stderr);
    }
  }
  for (const auto& pair : problem.pairs) {
    for (const auto& row : pair.interaction) {
      for (const double interaction : row)
        require(
            std::isfinite(interaction), ErrorCode::Numeric,
            "units \"{}\" and \"{}\": expected a finite interaction, found {}; score them again",
            problem.units[pair.first].name, problem.units[pair.second].name, interaction);
    }
  }
}

int64_t smallest_bytes(const AllocationProblem& problem) {
  int64_t total = 0;
  for (const auto& unit : problem.units) {
    total += std::min_element(unit.candidates.begin(), unit.candidates.end(),
                              [](const auto& a, const auto& b) { return a.bytes < b.bytes; })
                 ->bytes;
  }
  return total;
}

void fail_infeasible(const AllocationProblem& problem, std::string_view what, int64_t needed) {
  int64_t weights = 0;
  for (const auto& unit : problem.units) weights += unit.weights;
  // Rounded up: a budget of so many bits is enough.
  const auto bits = [weights](int64_t bytes) {
    const double exact = 8.0 * static_cast<double>(bytes) / static_cast<double>(weights);
    return weights > 0 ? fmt::format(" ({:.3f} bits per weight)", std::ceil(exact * 1000) / 1000)
                       : std::string();
  };
  fail(ErrorCode::Usage,
       "{}: the budget is {} bytes{} but the smallest feasible budget is {} bytes{}", what,
       problem.budget_bytes, bits(problem.budget_bytes), needed, bits(needed));
}

void require_feasible(const AllocationProblem& problem) {
  check_candidates(problem);
  const int64_t smallest = smallest_bytes(problem);
  if (smallest > problem.budget_bytes) {
    fail_infeasible(problem, "the cheapest candidate of every unit", smallest);
  }
}

Allocation evaluate_choice(const AllocationProblem& problem, std::vector<int> choice) {
  require(choice.size() == problem.units.size(), ErrorCode::Internal,
          "expected a choice for {} units, found {}", problem.units.size(), choice.size());
  Allocation result;
  for (size_t u = 0; u < choice.size(); ++u) {
    const auto& candidates = problem.units[u].candidates;
    require(choice[u] >= 0 && static_cast<size_t>(choice[u]) < candidates.size(),
            ErrorCode::Internal, "unit \"{}\": choice {} is not one of {} candidates",
            problem.units[u].name, choice[u], candidates.size());
    result.bytes += candidates[choice[u]].bytes;
    result.predicted_loss += clamped_loss(candidates[choice[u]]);
  }
  result.choice = std::move(choice);
  result.gap = result.predicted_loss;  // losses are >= 0: the bound that needs no proof is 0
  return result;
}

Allocation evaluate_with_bound(const AllocationProblem& problem, std::vector<int> choice) {
  Allocation result = evaluate_choice(problem, std::move(choice));
  result.lower_bound = std::min(result.predicted_loss, relaxed_lower_bound(problem));
  result.gap = result.predicted_loss - result.lower_bound;
  return result;
}

}  // namespace mpq
