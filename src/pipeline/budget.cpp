// Parses budgets and turns each kind into bytes of units.
#include "mpq/pipeline/budget.h"

#include <cmath>
#include <limits>
#include <optional>

#include "mpq/alloc/ties.h"
#include "mpq/core/error.h"
#include "mpq/core/units.h"
#include "mpq/pipeline/checkpoint.h"

namespace mpq {
namespace {

double parse_bits(const std::string& text, const std::string& whole) {
  double value = 0;
  parse_value(text, fmt::format("--budget {}", whole), value);
  require(value > 0 && value <= 32, ErrorCode::Usage,
          "--budget {}: expected bits per weight above 0 and at most 32", whole);
  return value;
}

void add_range(const std::string& text, const std::string& kind, std::vector<Budget>& budgets) {
  std::vector<std::string> fields{""};
  for (const char c : text) {
    if (c == ':') {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  require(fields.size() == 1 || fields.size() == 3, ErrorCode::Usage,
          "--budget {}: expected bits per weight, or first:last:step", text);
  const double first = parse_bits(fields[0], text);
  const double last = fields.size() == 3 ? parse_bits(fields[1], text) : first;
  const double step = fields.size() == 3 ? parse_bits(fields[2], text) : 1;
  require(first <= last, ErrorCode::Usage, "--budget {}: the first is above the last", text);
  constexpr double kMostBudgets = 1000;
  const double steps = std::floor((last - first) / step + 1e-9);
  require(steps < kMostBudgets, ErrorCode::Usage, "--budget {}: expected at most {} budgets", text,
          kMostBudgets);
  const auto count = static_cast<int>(steps) + 1;
  for (int i = 0; i < count; ++i) {
    const double value = first + i * step;
    budgets.push_back({kind, value, fmt::format("{:.6g}", value)});
  }
}

/// Shrinks and raises the units' share until the written files fit and nothing more does: headers
/// and names vary a little with the choice.
Allocation solve_file_bytes(const Session& session, const ScoreOptions& scoring,
                            const Sensitivity& sensitivity, int64_t target,
                            const Allocator& allocator) {
  AllocationProblem problem = sensitivity.problem;
  const auto file_bytes = [&](const Allocation& allocation) {
    Plan plan;
    for (size_t u = 0; u < sensitivity.units.size(); ++u) {
      const Unit& unit = sensitivity.units[u].unit;
      const auto choice = static_cast<size_t>(allocation.choice[u]);
      plan.units.push_back({unit.name, unit_modules(session.model->config(), unit),
                            problem.units[u].candidates[choice].spec, 0, 0});
    }
    return checkpoint_bytes(session, plan, scoring.format);
  };
  const Allocation least = evaluate_choice(problem, smallest_choice(problem));
  const int64_t least_files = file_bytes(least);
  require(
      least_files <= target, ErrorCode::Usage,
      "--target-size: the smallest checkpoint this palette can make is {} ({} bytes), asked for {}",
      format_bytes(least_files), least_files, format_bytes(target));
  problem.budget_bytes = target - (least_files - least.bytes);
  std::optional<Allocation> best;
  int64_t too_much = std::numeric_limits<int64_t>::max();
  for (int attempt = 0; attempt < 20; ++attempt) {
    const Allocation allocation = solve(allocator, problem);
    const int64_t excess = file_bytes(allocation) - target;
    const int64_t tried = problem.budget_bytes;
    if (excess <= 0) {
      if (best && best->choice == allocation.choice) break;
      best = allocation;
      problem.budget_bytes = std::min(tried - excess, too_much - 1);
      if (problem.budget_bytes <= tried) break;
    } else {
      too_much = std::min(too_much, allocation.bytes);
      problem.budget_bytes = allocation.bytes - excess;
      if (best && problem.budget_bytes <= best->bytes) break;
    }
  }
  return best.value_or(least);
}

}  // namespace

std::vector<Budget> parse_budgets(const AllocateOptions& options) {
  if (!options.target_size.empty()) {
    require(options.budgets.empty(), ErrorCode::Usage,
            "--budget and --target-size exclude one another");
    const int64_t bytes = parse_bytes(options.target_size, "--target-size");
    return {{"file_bytes", static_cast<double>(bytes), options.target_size}};
  }
  require(options.budget_counts == "all" || options.budget_counts == "codes", ErrorCode::Usage,
          "--budget-counts: expected all or codes, found \"{}\"", options.budget_counts);
  std::vector<Budget> budgets;
  const std::string kind = options.budget_counts == "codes" ? "code_bits" : "effective_bits";
  for (const auto& text : options.budgets) add_range(text, kind, budgets);
  if (budgets.empty()) {
    const std::string allocator = parse_spec(options.allocator).name;
    require(allocator != "mckp" && allocator != "uniform", ErrorCode::Usage,
            "--budget is missing: the mean bits per weight, as in --budget 3.5");
    budgets.push_back({"none", 0, "none"});
  }
  return budgets;
}

void require_feasible(const Session& session, const ScoreOptions& scoring,
                      const ScoreContext& context, const std::vector<Budget>& budgets) {
  const Sensitivity sizes = unmeasured(session, scoring, context);
  const auto any = Registry<Allocator>::instance().make("mckp");
  for (const auto& budget : budgets) {
    if (budget.kind != "none") solve_within(session, scoring, sizes, budget, *any);
  }
}

int64_t bytes_of_bits(const Model& model, double bits) {
  const auto weights = static_cast<double>(model.config().quantizable_weights());
  return static_cast<int64_t>(std::floor(bits * weights / 8));
}

int64_t checkpoint_bytes(const Session& session, const Plan& plan, const std::string& format) {
  const auto made = Registry<Format>::instance().make(format);
  return made->file_bytes(export_job(*session.model, plan, nullptr));
}

AllocationProblem counted_problem(const Sensitivity& sensitivity, const Budget& budget) {
  AllocationProblem problem = sensitivity.problem;
  if (budget.kind != "code_bits") return problem;
  for (auto& unit : problem.units) {
    for (auto& candidate : unit.candidates) candidate.bytes = candidate.code_bytes;
  }
  return problem;
}

Allocation solve_within(const Session& session, const ScoreOptions& scoring,
                        const Sensitivity& sensitivity, const Budget& budget,
                        const Allocator& allocator) {
  AllocationProblem problem = counted_problem(sensitivity, budget);
  if (budget.kind == "none") return solve(allocator, problem);
  if (budget.kind == "file_bytes") {
    return solve_file_bytes(session, scoring, sensitivity, std::llround(budget.value), allocator);
  }
  problem.budget_bytes = budget.kind == "unit_bytes" ? std::llround(budget.value)
                                                     : bytes_of_bits(*session.model, budget.value);
  return solve(allocator, problem);
}

}  // namespace mpq
