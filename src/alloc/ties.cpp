// A problem of merged units, and back.
#include "mpq/alloc/ties.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "mpq/core/error.h"

namespace mpq {
namespace {

/// Merged units, each with the units that it stands for.
struct Merged {
  AllocationProblem problem;
  std::vector<std::vector<size_t>> members;
};

/// Where a unit's candidate of a merged unit's is.
size_t own_index(const AllocationUnit& unit, const Candidate& candidate) {
  return static_cast<size_t>(candidate_of(unit, candidate.spec));
}

AllocationUnit merge(const AllocationProblem& problem, const std::vector<size_t>& members) {
  AllocationUnit unit = problem.units[members.front()];
  for (size_t i = 1; i < members.size(); ++i) {
    const AllocationUnit& other = problem.units[members[i]];
    unit.name += " and " + other.name;
    unit.weights += other.weights;
    unit.score = std::max(unit.score, other.score);
    std::erase_if(unit.candidates, [&](const Candidate& candidate) {
      return candidate_of(other, candidate.spec) < 0;
    });
    for (auto& candidate : unit.candidates) {
      const Candidate& add = other.candidates[own_index(other, candidate)];
      candidate.bytes += add.bytes;
      candidate.loss += add.loss;
      candidate.loss_stderr = std::hypot(candidate.loss_stderr, add.loss_stderr);
      candidate.code_bytes += add.code_bytes;
    }
  }
  require(!unit.candidates.empty(), ErrorCode::Usage,
          "{}: they are stored alike, and have no candidate in common; give a palette whose groups "
          "divide the inputs of all",
          unit.name);
  return unit;
}

/// A pair's interaction lands in the merged unit that holds both, or in a pair of merged units.
void add_pair(const AllocationProblem& problem, const AllocationPair& pair,
              const std::vector<size_t>& place, AllocationProblem& merged) {
  const size_t first = place[pair.first], second = place[pair.second];
  const auto& rows = problem.units[pair.first];
  const auto& columns = problem.units[pair.second];
  const auto at = [&](const Candidate& row, const Candidate& column) {
    return pair.interaction[own_index(rows, row)][own_index(columns, column)];
  };
  if (first == second) {
    for (auto& candidate : merged.units[first].candidates)
      candidate.loss += at(candidate, candidate);
    return;
  }
  AllocationPair sum{std::min(first, second), std::max(first, second), {}};
  for (const auto& low : merged.units[sum.first].candidates) {
    auto& row = sum.interaction.emplace_back();
    for (const auto& high : merged.units[sum.second].candidates)
      row.push_back(first < second ? at(low, high) : at(high, low));
  }
  for (auto& known : merged.pairs) {
    if (known.first != sum.first || known.second != sum.second) continue;
    for (size_t i = 0; i < sum.interaction.size(); ++i) {
      for (size_t j = 0; j < sum.interaction[i].size(); ++j)
        known.interaction[i][j] += sum.interaction[i][j];
    }
    return;
  }
  merged.pairs.push_back(std::move(sum));
}

Merged merged(const AllocationProblem& problem) {
  Merged result;
  result.problem.budget_bytes = problem.budget_bytes;
  std::map<size_t, const std::vector<size_t>*> tied;
  for (const auto& tie : problem.ties) {
    for (const size_t unit : tie) tied[unit] = &tie;
  }
  std::vector<size_t> place(problem.units.size());
  for (size_t u = 0; u < problem.units.size(); ++u) {
    const auto found = tied.find(u);
    const std::vector<size_t> members =
        found == tied.end() ? std::vector<size_t>{u} : *found->second;
    if (members.front() != u) {
      place[u] = place[members.front()];
      continue;
    }
    place[u] = result.members.size();
    result.problem.units.push_back(merge(problem, members));
    result.members.push_back(members);
  }
  for (const auto& pair : problem.pairs) add_pair(problem, pair, place, result.problem);
  return result;
}

/// A choice for the merged units as one for those that they stand for.
std::vector<int> expanded(const AllocationProblem& problem, const Merged& merged,
                          const std::vector<int>& merged_choice) {
  std::vector<int> choice(problem.units.size());
  for (size_t m = 0; m < merged.members.size(); ++m) {
    const auto& candidates = merged.problem.units[m].candidates;
    const Candidate& chosen = candidates[static_cast<size_t>(merged_choice[m])];
    for (const size_t u : merged.members[m])
      choice[u] = candidate_of(problem.units[u], chosen.spec);
  }
  return choice;
}

}  // namespace

int candidate_of(const AllocationUnit& unit, const std::string& spec) {
  for (size_t c = 0; c < unit.candidates.size(); ++c) {
    if (unit.candidates[c].spec == spec) return static_cast<int>(c);
  }
  return -1;
}

std::vector<int> smallest_choice(const AllocationProblem& problem) {
  const Merged one = merged(problem);
  std::vector<int> choice;
  for (const auto& unit : one.problem.units) {
    const auto least =
        std::min_element(unit.candidates.begin(), unit.candidates.end(),
                         [](const Candidate& a, const Candidate& b) { return a.bytes < b.bytes; });
    choice.push_back(static_cast<int>(least - unit.candidates.begin()));
  }
  return expanded(problem, one, choice);
}

Allocation solve(const Allocator& allocator, const AllocationProblem& problem) {
  if (problem.ties.empty()) return allocator.solve(problem);
  const Merged one = merged(problem);
  Allocation allocation = allocator.solve(one.problem);
  allocation.choice = expanded(problem, one, allocation.choice);
  return allocation;
}

}  // namespace mpq
