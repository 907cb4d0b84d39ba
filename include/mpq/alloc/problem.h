#pragma once
// Checks and sums that every allocator shares.
#include <cstdint>
#include <string_view>

#include "mpq/alloc/allocator.h"

namespace mpq {

/// Throws Error(Usage) on a unit without candidates and Error(Numeric) on a loss that is not finite
/// or a standard error that is not a number, naming the unit and the spec, or on an interaction
/// that is not finite, naming both units.
void check_candidates(const AllocationProblem& problem);

/// The loss with negatives read as 0: a loss is a harm, what a measurement leaves below zero is
/// noise.
inline double clamped_loss(const Candidate& candidate) {
  return candidate.loss > 0 ? candidate.loss : 0.0;
}

/// Bytes of the cheapest candidate of every unit together.
int64_t smallest_bytes(const AllocationProblem& problem);

/// Throws Error(Usage): `what` needs `needed` bytes, which is its smallest feasible budget.
[[noreturn]] void fail_infeasible(const AllocationProblem& problem, std::string_view what,
                                  int64_t needed);

/// evaluate_choice with the bound of the linear relaxation, for methods that do not prove anything
/// themselves: the gap says what an optimal mix could gain at most.
Allocation evaluate_with_bound(const AllocationProblem& problem, std::vector<int> choice);

}  // namespace mpq
