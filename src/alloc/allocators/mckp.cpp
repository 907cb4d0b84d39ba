// The exact optimum of additive losses within the budget: a multiple-choice knapsack (methods.md,
// section 5).
#include <algorithm>

#include "mpq/alloc/knapsack.h"
#include "mpq/alloc/monotone.h"
#include "mpq/alloc/problem.h"

namespace mpq {
namespace {

struct MckpOptions {
  double tolerance = 0;
  int max_states = 20000;
  bool monotone = true;

  template <class Field>
  void visit(Field&& field) {
    field("tolerance", tolerance, "relative gap at which a solution is good enough; 0: optimal");
    field("max_states", max_states,
          "partial solutions kept per unit; beyond it the gap is reported, not closed");
    field("monotone", monotone,
          "read a wider candidate that measured worse as noise, and spend the whole budget");
  }
};

/// With `monotone`, predicted_loss and the bound are those of monotone_losses(problem). Without,
/// losses count as given (below zero: 0), and of two optima the one with fewer bytes is taken.
/// Where max_states is reached (nearly proportional bytes and losses), two budgets may differ by
/// less than the gap in the wrong order; otherwise the loss never rises with the budget.
class Mckp : public Allocator {
 public:
  using Options = MckpOptions;

  explicit Mckp(const Options& options) : options_(options) {
    require(options.tolerance >= 0 && options.tolerance < 1, ErrorCode::Usage,
            "mckp: expected tolerance in [0, 1), found {}", options.tolerance);
    require(options.max_states > 0, ErrorCode::Usage, "mckp: expected max_states > 0, found {}",
            options.max_states);
  }

  Allocation solve(const AllocationProblem& problem) const override {
    return options_.monotone ? solve_as_given(monotone_losses(problem)) : solve_as_given(problem);
  }

 private:
  Allocation solve_as_given(const AllocationProblem& problem) const {
    const Knapsack knapsack = make_knapsack(problem);
    const auto solution = solve_knapsack(knapsack, {options_.max_states, options_.tolerance});
    std::vector<int> choice;
    for (size_t u = 0; u < knapsack.units.size(); ++u) {
      choice.push_back(knapsack.units[u][solution.items[u]].candidate);
    }
    if (options_.monotone) choice = spend_leftover(problem, std::move(choice));
    Allocation result = evaluate_choice(problem, std::move(choice));
    const double gap = static_cast<double>(solution.loss - solution.bound) * knapsack.loss_quantum;
    result.lower_bound = std::max(0.0, result.predicted_loss - gap);
    result.gap = result.predicted_loss - result.lower_bound;
    return result;
  }

  Options options_;
};

MPQ_REGISTER(Allocator, Mckp, "mckp",
             "least total loss within the budget, proven (multiple-choice knapsack)");

}  // namespace
}  // namespace mpq
