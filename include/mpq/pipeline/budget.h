#pragma once
// Budgets as users state them, and solving within one.
#include <string>
#include <vector>

#include "mpq/pipeline/plan_file.h"
#include "mpq/pipeline/sensitivity.h"

namespace mpq {

/// kind: effective_bits (metadata included), code_bits, file_bytes, unit_bytes (of the quantized
/// linears), or none for allocators that set their own size.
struct Budget {
  std::string kind;
  double value = 0;
  std::string label;
};

/// Every --budget (a number or "first:last:step"), or --target-size. Throws Error(Usage) on
/// nonsense, or when an allocator needs a budget and none is given.
std::vector<Budget> parse_budgets(const AllocateOptions& options);

/// Throws Error(Usage) naming the smallest size when no choice of candidates is within a budget;
/// nothing is measured for it.
void require_feasible(const Session& session, const ScoreOptions& scoring,
                      const ScoreContext& context, const std::vector<Budget>& budgets);
/// Bytes of the quantized linears at so many effective bits.
int64_t bytes_of_bits(const Model& model, double bits);
/// Bytes of the weight files that a plan will write.
int64_t checkpoint_bytes(const Session& session, const Plan& plan, const std::string& format);

/// The problem in the bytes that the budget counts: of codes alone for code_bits, as papers count.
AllocationProblem counted_problem(const Sensitivity& sensitivity, const Budget& budget);
/// Solves for one budget; the allocation's bytes are those of counted_problem(), and file bytes
/// count everything that is written.
Allocation solve_within(const Session& session, const ScoreOptions& scoring,
                        const Sensitivity& sensitivity, const Budget& budget,
                        const Allocator& allocator);

}  // namespace mpq
