// The best single spec against a direct search, its stand-ins and its errors.
#include <gmock/gmock.h>

#include "tests/alloc/problems.h"

namespace mpq {
namespace {

using ::testing::HasSubstr;

Allocation solve(const AllocationProblem& problem) {
  return Registry<Allocator>::instance().make("uniform")->solve(problem);
}

TEST(Uniform, EqualsADirectSearch) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    auto problem = make_problem(
        5, 5, seed, [](auto& r, int) { return std::uniform_int_distribution<int64_t>(1, 1000)(r); },
        [](auto& r, int64_t) { return std::uniform_real_distribution<double>(0, 1)(r); });
    set_budget(problem, 0.7);
    std::optional<Allocation> best;
    for (int c = 0; c < 5; ++c) {
      const auto found = evaluate_choice(problem, std::vector<int>(5, c));
      const bool fits = found.bytes <= problem.budget_bytes;
      if (fits && (!best || found.predicted_loss < best->predicted_loss)) best = found;
    }
    if (!best) {
      error_of(ErrorCode::Usage, [&] { solve(problem); });
      continue;
    }
    const auto found = solve(problem);
    EXPECT_EQ(found.choice, best->choice) << seed;
    EXPECT_LE(found.lower_bound, brute_force(problem).predicted_loss * (1 + 1e-12));
  }
}

TEST(Uniform, TakesFewerBytesAtEqualLoss) {
  AllocationProblem problem;
  problem.units.push_back(make_unit("a", 0, 0, {{"q", 8, 20, 1, 0}, {"r", 4, 10, 1, 0}}));
  EXPECT_EQ(solve(problem).choice, std::vector<int>{1});
}

TEST(Uniform, LetsTheSameBitsStandInForASpecThatDidNotFitAUnit) {
  AllocationProblem problem;
  problem.units.push_back(
      make_unit("a", 0, 0, {{"rtn:bits=4", 4, 10, 1, 0}, {"rtn:bits=8", 8, 20, 0, 0}}));
  problem.units.push_back(make_unit(
      "b", 0, 0, {{"hqq:group=64", 4, 11, 0.5, 0}, {"rtn:bits=4,group=96", 4, 12, 1, 0}}));
  const auto found = solve(problem);
  EXPECT_EQ(found.choice, (std::vector<int>{0, 1}));  // one plug-in before less loss
  EXPECT_EQ(found.bytes, 22);
  problem.units[1].candidates.pop_back();
  EXPECT_EQ(solve(problem).bytes, 21);  // nothing else has four bits
}

TEST(Uniform, NamesTheSmallestUniformBytes) {
  AllocationProblem problem;
  problem.units.push_back(
      make_unit("a", 0, 0, {{"q:bits=4", 4, 10, 1, 0}, {"q:bits=8", 8, 30, 0, 0}}));
  problem.units.push_back(
      make_unit("b", 0, 0, {{"q:bits=2", 2, 1, 1, 0}, {"q:bits=8", 8, 30, 0, 0}}));
  problem.budget_bytes = 59;
  EXPECT_THAT(error_of(ErrorCode::Usage, [&] { solve(problem); }),
              HasSubstr("smallest feasible budget is 60 bytes"));
  problem.units[1].candidates.pop_back();
  EXPECT_THAT(error_of(ErrorCode::Usage, [&] { solve(problem); }), HasSubstr("palette"));
}

TEST(Uniform, TakesNoOptions) {
  error_of(ErrorCode::Usage, [] { Registry<Allocator>::instance().make("uniform:bits=4"); });
}

}  // namespace
}  // namespace mpq
