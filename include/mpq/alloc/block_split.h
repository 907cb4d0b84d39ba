#pragma once
// The papers' fixed splits: bits are given to whole decoder blocks by rank, the budget only checks.
#include <initializer_list>
#include <map>
#include <string_view>
#include <vector>

#include "mpq/alloc/allocator.h"

namespace mpq {

/// The distinct blocks of the problem, in order.
std::vector<int> blocks_of(const AllocationProblem& problem);

/// `blocks` by falling score, ties to the lower block. A block's score is the mean of its units'
/// scores by weights. Throws Error(Numeric) on a score that is not finite.
std::vector<int> rank_blocks(const AllocationProblem& problem, std::vector<int> blocks);

/// The nearest whole number to fraction * count, a half upwards (methods.md, 1.4).
size_t round_half_up(double fraction, size_t count);

/// `blocks` without the first and the last ones, which get `bits` in `plan`.
std::vector<int> protect_ends(const std::vector<int>& blocks, int first, int last, int bits,
                              std::map<int, int>& plan);

/// Every unit takes its candidate of plan[block] bits (of several the least loss, then the fewest
/// bytes). Throws Error(Usage) when a unit lacks that width, naming the `widths` that `method`
/// needs, or when the budget is exceeded, naming the bytes.
Allocation apply_block_bits(const AllocationProblem& problem, const std::map<int, int>& plan,
                            std::string_view method, std::initializer_list<int> widths);

}  // namespace mpq
