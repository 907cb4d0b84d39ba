#pragma once
// Units that must be stored alike, as a runtime's experts.
#include "mpq/alloc/allocator.h"

namespace mpq {

/// The candidate of `unit` with that spec; -1: there is none.
int candidate_of(const AllocationUnit& unit, const std::string& spec);

/// The choice of least bytes in which tied units take one spec. Throws as solve().
std::vector<int> smallest_choice(const AllocationProblem& problem);

/// What `allocator` chooses when the units of each of problem.ties take one spec: they are one unit
/// to it, with the sums of their bytes and losses. Throws Error(Usage) also when tied units have no
/// spec in common.
Allocation solve(const Allocator& allocator, const AllocationProblem& problem);

}  // namespace mpq
