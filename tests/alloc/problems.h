#pragma once
// Allocation problems for tests, and the slow truth about them.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <random>
#include <string>

#include "mpq/alloc/problem.h"
#include "mpq/core/error.h"
#include "tests/support/error_of.h"

namespace mpq {

inline AllocationUnit make_unit(std::string name, int block, double score,
                                std::vector<Candidate> candidates) {
  return {std::move(name), block, 1000, score, std::move(candidates)};
}

/// `units` with `candidates` each; bytes and losses by `bytes(rng, c)` and `loss(rng, bytes)`.
inline AllocationProblem make_problem(
    int units, int candidates, uint64_t seed,
    const std::function<int64_t(std::mt19937_64&, int)>& bytes,
    const std::function<double(std::mt19937_64&, int64_t)>& loss) {
  std::mt19937_64 rng(seed);
  AllocationProblem problem;
  for (int u = 0; u < units; ++u) {
    std::vector<Candidate> list;
    for (int c = 0; c < candidates; ++c) {
      const int64_t size = bytes(rng, c);
      list.push_back({"q:bits=" + std::to_string(c + 1), c + 1, size, loss(rng, size), 0});
    }
    problem.units.push_back(make_unit("unit" + std::to_string(u), u, 0, list));
  }
  return problem;
}

inline int64_t largest_bytes(const AllocationProblem& problem) {
  int64_t total = 0;
  for (const auto& unit : problem.units) {
    int64_t most = 0;
    for (const auto& candidate : unit.candidates) most = std::max(most, candidate.bytes);
    total += most;
  }
  return total;
}

/// What the allocator of `spec` finds, which says itself truly what it costs.
inline Allocation solve(const std::string& spec, const AllocationProblem& problem) {
  Allocation found = Registry<Allocator>::instance().make(spec)->solve(problem);
  const Allocation again = evaluate_choice(problem, found.choice);
  EXPECT_EQ(found.bytes, again.bytes);
  EXPECT_LE(found.bytes, problem.budget_bytes);
  EXPECT_LE(found.lower_bound, found.predicted_loss);
  return found;
}

/// A budget at `share` of the way from the smallest to the largest bytes.
inline void set_budget(AllocationProblem& problem, double share) {
  const int64_t low = smallest_bytes(problem), high = largest_bytes(problem);
  problem.budget_bytes = low + static_cast<int64_t>(share * static_cast<double>(high - low));
}

/// The least loss, then the fewest bytes, over all choices.
inline Allocation brute_force(const AllocationProblem& problem) {
  std::vector<int> choice(problem.units.size(), 0);
  std::optional<Allocation> best;
  for (bool more = true; more;) {
    Allocation found = evaluate_choice(problem, choice);
    if (found.bytes <= problem.budget_bytes) {
      const double slack = best ? 1e-12 * (1e-300 + best->predicted_loss) : 0;
      if (!best || found.predicted_loss < best->predicted_loss - slack ||
          (found.predicted_loss <= best->predicted_loss + slack && found.bytes < best->bytes)) {
        best = std::move(found);
      }
    }
    more = false;
    for (size_t u = 0; u < choice.size() && !more; ++u) {
      more = ++choice[u] < static_cast<int>(problem.units[u].candidates.size());
      if (!more) choice[u] = 0;
    }
  }
  return *best;
}

/// One unit a block with 4, 8 and 16 bits (10, 20 and 40 bytes; losses 4, 2 and 0) and the scores
/// given.
inline AllocationProblem scored_blocks(const std::vector<double>& scores) {
  AllocationProblem problem;
  for (size_t b = 0; b < scores.size(); ++b) {
    problem.units.push_back(make_unit(
        "block" + std::to_string(b), static_cast<int>(b), scores[b],
        {{"rtn:bits=4", 4, 10, 4, 0}, {"rtn:bits=8", 8, 20, 2, 0}, {"none", 16, 40, 0, 0}}));
  }
  return problem;
}

/// The bits chosen, unit by unit.
inline std::vector<int> bits_of(const AllocationProblem& problem, const Allocation& allocation) {
  std::vector<int> bits;
  for (size_t u = 0; u < problem.units.size(); ++u) {
    bits.push_back(problem.units[u].candidates[allocation.choice[u]].bits);
  }
  return bits;
}

}  // namespace mpq
