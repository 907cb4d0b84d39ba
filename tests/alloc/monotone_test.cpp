// Isotonic regression of losses, by hand-made cases and by its defining properties.
#include "mpq/alloc/monotone.h"

#include <cmath>
#include <limits>

#include "tests/alloc/problems.h"

namespace mpq {
namespace {

std::vector<double> fitted(std::vector<Candidate> candidates) {
  AllocationProblem problem;
  problem.units.push_back(make_unit("u", 0, 0, std::move(candidates)));
  std::vector<double> losses;
  const auto result = monotone_losses(problem);
  for (const auto& candidate : result.units[0].candidates) {
    losses.push_back(candidate.loss);
  }
  return losses;
}

TEST(MonotoneLosses, PoolsViolators) {
  EXPECT_EQ(
      fitted({{"q", 2, 10, 8, 0}, {"q", 3, 20, 1, 0}, {"q", 4, 30, 3, 0}, {"q", 8, 40, 0, 0}}),
      (std::vector<double>{8, 2, 2, 0}));
  EXPECT_EQ(fitted({{"q", 2, 10, 1, 0}, {"q", 3, 20, 2, 0}, {"q", 4, 30, 6, 0}}),
            (std::vector<double>{3, 3, 3}));
}

TEST(MonotoneLosses, WeighsByPrecision) {
  const auto losses = fitted({{"q", 2, 10, 0, 1}, {"q", 3, 20, 5, 0.5}});
  EXPECT_DOUBLE_EQ(losses[0], 4);
  EXPECT_EQ(losses[0], losses[1]);
}

/// Shares of an infinity are no weights.
TEST(MonotoneLosses, WhereAnErrorIsUnknownAllCountAlike) {
  constexpr double kUnknownError = std::numeric_limits<double>::infinity();
  EXPECT_EQ(fitted({{"q", 2, 10, 0, kUnknownError}, {"q", 3, 20, 5, 0.5}}),
            (std::vector<double>{2.5, 2.5}));
  EXPECT_EQ(fitted({{"q", 2, 10, 0, 0.5}, {"q", 3, 20, 5, kUnknownError}}),
            (std::vector<double>{2.5, 2.5}));
}

TEST(MonotoneLosses, ComparesWithinOneMethod) {
  EXPECT_EQ(fitted({{"gptq:bits=3", 3, 10, 1, 0}, {"rtn:bits=4", 4, 20, 2, 0}}),
            (std::vector<double>{1, 2}));
}

TEST(MonotoneLosses, KeepsDistancesAtTheSameBytes) {
  EXPECT_EQ(fitted({{"q", 2, 10, 2, 0}, {"q:sym", 2, 10, 3, 0}, {"q", 3, 20, 4, 0}}),
            (std::vector<double>{3, 4, 3}));
}

TEST(MonotoneLosses, FallsAndKeepsTheTotal) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const auto problem = make_problem(
        1, 8, seed, [](auto&, int c) { return 100 * (c + 1); },
        [](auto& r, int64_t) { return std::uniform_real_distribution<double>(0, 1)(r); });
    const auto before = problem.units[0].candidates;
    const auto after = monotone_losses(problem).units[0].candidates;
    double change = 0;
    for (size_t c = 0; c < after.size(); ++c) {
      change += after[c].loss - before[c].loss;
      EXPECT_LE(after[c].loss, after[c > 0 ? c - 1 : 0].loss);
    }
    EXPECT_NEAR(change, 0, 1e-12);
  }
}

TEST(SpendLeftover, RaisesTheNarrowestFirstWithinTheBudget) {
  AllocationProblem problem;
  for (const char* name : {"a", "b"}) {
    problem.units.push_back(make_unit(
        name, 0, 0,
        {{"q", 2, 20, 1, 0}, {"q", 3, 30, 1, 0}, {"q", 4, 40, 1, 0}, {"q", 8, 80, 0, 0}}));
  }
  problem.budget_bytes = 75;
  EXPECT_EQ(spend_leftover(problem, {0, 0}), (std::vector<int>{2, 1}));
  problem.budget_bytes = 40;
  EXPECT_EQ(spend_leftover(problem, {0, 0}), (std::vector<int>{0, 0}));
  problem.budget_bytes = 160;
  EXPECT_EQ(spend_leftover(problem, {0, 0}), (std::vector<int>{3, 3}));
}

}  // namespace
}  // namespace mpq
