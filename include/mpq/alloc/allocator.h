#pragma once
// Choosing one candidate per unit within a budget. This module knows bytes and losses, no tensors.
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "mpq/core/registry.h"

namespace mpq {

/// One way to store a unit. `bits` is the code width (16: left alone).
struct Candidate {
  std::string spec;
  int bits = 16;
  int64_t bytes = 0;
  double loss = 0;  // estimated harm of this choice alone, additive over units; below 0 reads as 0
  double loss_stderr = 0;  // 0 when not measured, infinity when unknown
  int64_t code_bytes = 0;  // of the codes alone, as papers count
};

/// A set of linears that share one choice. `block` is the decoder block it belongs to; `score` is
/// the scorer's rank (higher = more sensitive), used by the paper's fixed splits.
struct AllocationUnit {
  std::string name;
  int block = 0;
  int64_t weights = 0;
  double score = 0;
  std::vector<Candidate> candidates;  // not empty
};

/// What candidates of two units of one block lose together beyond the sum of both alone.
struct AllocationPair {
  size_t first = 0, second = 0;                  // indices of units
  std::vector<std::vector<double>> interaction;  // [candidate of first][candidate of second]
};

struct AllocationProblem {
  std::vector<AllocationUnit> units;
  std::vector<AllocationPair> pairs{};  // empty unless the scorer measures them
  int64_t budget_bytes = std::numeric_limits<int64_t>::max();  // over all units
  /// Units that take one spec, ascending; solve() (alloc/ties.h) sees to it, allocators do not.
  std::vector<std::vector<size_t>> ties{};
};

/// `choice[u]` indexes units[u].candidates. `lower_bound` <= the optimum's loss; gap =
/// predicted_loss - lower_bound (0: proven optimal).
struct Allocation {
  std::vector<int> choice;
  int64_t bytes = 0;
  double predicted_loss = 0;
  double lower_bound = 0;
  double gap = 0;
  double clipped = 0;  // share of the quadratic program's eigenvalues that a projection removed
};

/// Throws Error(Usage) naming the smallest feasible budget when even the cheapest candidates exceed
/// it.
void require_feasible(const AllocationProblem& problem);
/// Fills bytes and predicted_loss from `choice`; nothing is proven, so lower_bound is 0.
Allocation evaluate_choice(const AllocationProblem& problem, std::vector<int> choice);

/// Chooses one candidate per unit with total bytes <= budget_bytes. To add one: a class with nested
/// Options and solve() in src/alloc/allocators/<name>.cpp, registered there, and a test in
/// tests/alloc/.
class Allocator {
 public:
  static constexpr const char* kKind = "allocator";
  Allocator() = default;
  virtual ~Allocator() = default;
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;

  /// Throws Error(Usage) when infeasible (require_feasible) or when the candidates lack what the
  /// method needs.
  virtual Allocation solve(const AllocationProblem& problem) const = 0;
};

}  // namespace mpq
