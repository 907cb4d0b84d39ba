// Isotonic regression of measured losses, and what the ties it leaves are worth.
#include "mpq/alloc/monotone.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "mpq/alloc/problem.h"

namespace mpq {
namespace {

/// Candidates of one method with the same bytes; the least loss speaks for them.
struct Level {
  double loss = 0;
  double weight = 1;
  std::vector<size_t> members;
};

/// Consecutive levels that share one fitted loss.
struct Pool {
  double loss = 0;
  double weight = 0;
  size_t levels = 0;
};

/// Weighted pool adjacent violators for a falling sequence.
std::vector<double> falling_fit(const std::vector<Level>& levels) {
  std::vector<Pool> pools;
  for (const auto& level : levels) {
    Pool pool{level.loss, level.weight, 1};
    while (!pools.empty() && pools.back().loss < pool.loss) {
      const Pool& last = pools.back();
      const double weight = last.weight + pool.weight;
      // As an offset from the smaller one, so that rounding cannot leave the range of the two.
      pool = {last.loss + (pool.loss - last.loss) * (pool.weight / weight), weight,
              last.levels + pool.levels};
      pools.pop_back();
    }
    pools.push_back(pool);
  }
  std::vector<double> fit;
  for (const auto& pool : pools) fit.insert(fit.end(), pool.levels, pool.loss);
  return fit;
}

/// A standard error far below the unit's largest counts as a thousandth of it: known, not
/// infinitely so. Where one is unknown all count alike.
double inverse_variance(const Candidate& candidate, double largest_stderr) {
  if (largest_stderr <= 0 || std::isinf(largest_stderr)) return 1;
  const double ratio = std::max(candidate.loss_stderr / largest_stderr, 1e-3);
  return 1 / (ratio * ratio);
}

std::vector<Level> levels_of(const AllocationUnit& unit, std::vector<size_t> family) {
  double largest_stderr = 0;
  for (const size_t c : family) {
    largest_stderr = std::max(largest_stderr, unit.candidates[c].loss_stderr);
  }
  std::stable_sort(family.begin(), family.end(), [&](size_t a, size_t b) {
    const auto &left = unit.candidates[a], &right = unit.candidates[b];
    return left.bytes != right.bytes ? left.bytes < right.bytes
                                     : clamped_loss(left) < clamped_loss(right);
  });
  std::vector<Level> levels;
  for (const size_t c : family) {
    const auto& candidate = unit.candidates[c];
    if (levels.empty() || unit.candidates[levels.back().members.front()].bytes != candidate.bytes) {
      levels.push_back({clamped_loss(candidate), inverse_variance(candidate, largest_stderr), {}});
    }
    levels.back().members.push_back(c);
  }
  return levels;
}

}  // namespace

AllocationProblem monotone_losses(const AllocationProblem& problem) {
  check_candidates(problem);
  AllocationProblem result = problem;
  for (auto& unit : result.units) {
    std::map<std::string, std::vector<size_t>> families;
    for (size_t c = 0; c < unit.candidates.size(); ++c) {
      const auto& spec = unit.candidates[c].spec;
      families[spec.substr(0, spec.find(':'))].push_back(c);
    }
    for (const auto& [name, family] : families) {
      const auto levels = levels_of(unit, family);
      const auto fit = falling_fit(levels);
      for (size_t i = 0; i < levels.size(); ++i) {
        for (const size_t c : levels[i].members) {
          // The others at the same bytes keep their distance from the best of them.
          unit.candidates[c].loss = fit[i] + (clamped_loss(unit.candidates[c]) - levels[i].loss);
        }
      }
    }
  }
  return result;
}

std::vector<int> spend_leftover(const AllocationProblem& problem, std::vector<int> choice) {
  int64_t left = problem.budget_bytes - evaluate_choice(problem, choice).bytes;
  for (;;) {
    int best_unit = -1, best_candidate = -1, best_bits = 0;
    int64_t best_extra = 0;
    for (size_t u = 0; u < choice.size(); ++u) {
      const auto& candidates = problem.units[u].candidates;
      const auto& now = candidates[choice[u]];
      for (size_t c = 0; c < candidates.size(); ++c) {
        const int64_t extra = candidates[c].bytes - now.bytes;
        const bool upgrade = extra > 0 && extra <= left && candidates[c].bits >= now.bits &&
                             clamped_loss(candidates[c]) <= clamped_loss(now);
        const bool first =
            best_unit < 0 || now.bits < best_bits || (now.bits == best_bits && extra < best_extra);
        if (!upgrade || !first) continue;
        best_unit = static_cast<int>(u);
        best_candidate = static_cast<int>(c);
        best_bits = now.bits;
        best_extra = extra;
      }
    }
    if (best_unit < 0) return choice;
    choice[best_unit] = best_candidate;
    left -= best_extra;
  }
}

}  // namespace mpq
