// Feasibility and the evaluation of a choice.
#include <gmock/gmock.h>

#include <cmath>

#include "tests/alloc/problems.h"

namespace mpq {
namespace {

using ::testing::HasSubstr;

TEST(AllocationProblem, NamesTheSmallestFeasibleBudget) {
  auto problem = scored_blocks({1, 2});
  problem.budget_bytes = 20;
  EXPECT_NO_THROW(require_feasible(problem));
  problem.budget_bytes = 19;
  const auto message = error_of(ErrorCode::Usage, [&] { require_feasible(problem); });
  EXPECT_THAT(message, HasSubstr("the budget is 19 bytes (0.076 bits per weight)"));
  EXPECT_THAT(message, HasSubstr("smallest feasible budget is 20 bytes (0.080 bits per weight)"));
}

TEST(AllocationProblem, ChecksCandidates) {
  auto problem = scored_blocks({1, 2});
  problem.units[1].candidates[1].loss_stderr = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(error_of(ErrorCode::Numeric, [&] { require_feasible(problem); }),
              HasSubstr("\"block1\", candidate \"rtn:bits=8\""));
  problem.units[1].candidates.clear();
  EXPECT_THAT(error_of(ErrorCode::Usage, [&] { require_feasible(problem); }), HasSubstr("palette"));
}

TEST(AllocationProblem, ChecksInteractions) {
  auto problem = scored_blocks({1, 2});
  problem.pairs = {{0, 1, std::vector(3, std::vector<double>(3, 0))}};
  EXPECT_NO_THROW(check_candidates(problem));
  for (const double broken :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    problem.pairs[0].interaction[1][2] = broken;
    EXPECT_THAT(error_of(ErrorCode::Numeric, [&] { check_candidates(problem); }),
                HasSubstr("units \"block0\" and \"block1\""));
  }
}

TEST(AllocationProblem, SumsAChoice) {
  const auto problem = scored_blocks({1, 2});
  const auto found = evaluate_choice(problem, {0, 2});
  EXPECT_EQ(found.bytes, 50);
  EXPECT_EQ(found.predicted_loss, 4);
  EXPECT_EQ(found.gap, 4);  // nothing is proven
  error_of(ErrorCode::Internal, [&] { evaluate_choice(problem, {0}); });
  error_of(ErrorCode::Internal, [&] { evaluate_choice(problem, {0, 3}); });
}

}  // namespace
}  // namespace mpq
