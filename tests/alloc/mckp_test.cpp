// The exact knapsack against brute force, at scale, and on instances built to be hard.
#include <gmock/gmock.h>

#include <cmath>

#include "mpq/alloc/monotone.h"
#include "tests/alloc/problems.h"

namespace mpq {
namespace {

using ::testing::HasSubstr;

int64_t draw(std::mt19937_64& rng, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(rng);
}
double draw_real(std::mt19937_64& rng) { return std::uniform_real_distribution<double>(0, 1)(rng); }

/// Bytes like those of real units: weights * bits / 8 with the scales of the groups.
int64_t realistic_bytes(std::mt19937_64& rng, int c) {
  static constexpr int kBits[] = {2, 3, 4, 5, 6, 7, 8, 16};
  return draw(rng, 1, 40) * 1048576 * kBits[c] / 8 + draw(rng, 0, 3) * 4096;
}

void expect_equal_to_brute_force(const std::string& spec, const AllocationProblem& problem,
                                 const AllocationProblem& truth) {
  const auto found = solve(spec, problem);
  const auto best = brute_force(truth);
  EXPECT_NEAR(found.predicted_loss, best.predicted_loss, 1e-11 * (best.predicted_loss + 1e-300));
  EXPECT_EQ(found.gap, 0);
}

TEST(Mckp, EqualsBruteForceOnRandomProblems) {
  for (uint64_t seed = 0; seed < 400; ++seed) {
    std::mt19937_64 rng(seed);
    const int units = static_cast<int>(draw(rng, 1, 7)),
              candidates = static_cast<int>(draw(rng, 1, 4));
    auto problem = make_problem(
        units, candidates, seed, [](auto& r, int) { return draw(r, 0, 3'000'000'000); },
        [](auto& r, int64_t) { return std::exp(8 * draw_real(r)); });
    set_budget(problem, draw_real(rng));
    SCOPED_TRACE(seed);
    expect_equal_to_brute_force("mckp:monotone=false", problem, problem);
    expect_equal_to_brute_force("mckp", problem, monotone_losses(problem));
  }
}

TEST(Mckp, TakesFewestBytesAmongTies) {
  for (uint64_t seed = 0; seed < 400; ++seed) {
    auto problem = make_problem(
        6, 4, seed, [](auto& r, int) { return draw(r, 0, 12) * 64; },
        [](auto& r, int64_t) { return static_cast<double>(draw(r, 0, 3)); });
    set_budget(problem, 0.1 * static_cast<double>(seed % 11));
    const auto found = solve("mckp:monotone=false", problem);
    const auto best = brute_force(problem);
    EXPECT_EQ(found.predicted_loss, best.predicted_loss) << seed;
    EXPECT_EQ(found.bytes, best.bytes) << seed;
    EXPECT_EQ(found.gap, 0) << seed;
  }
}

TEST(Mckp, KeepsPrecisionBelowHugeLosses) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    auto problem = make_problem(
        5, 4, seed, [](auto& r, int c) { return 1000 * (c + 1) + draw(r, 0, 99); },
        [](auto& r, int64_t bytes) {
          return bytes < 1100 ? 1e30 * (1 + draw_real(r)) : 1e-9 * draw_real(r);
        });
    set_budget(problem, 0.5);
    SCOPED_TRACE(seed);
    expect_equal_to_brute_force("mckp:monotone=false", problem, problem);
  }
}

TEST(Mckp, SolvesAThousandUnits) {
  for (const double share : {0.02, 0.2, 0.5, 0.9}) {
    auto problem = make_problem(1000, 8, 7, realistic_bytes, [](auto& r, int64_t bytes) {
      return (0.2 + draw_real(r)) * std::exp2(-static_cast<double>(bytes) / 5e6);
    });
    set_budget(problem, share);
    EXPECT_EQ(solve("mckp:monotone=false", problem).gap, 0) << share;
    EXPECT_EQ(solve("mckp", problem).gap, 0) << share;
  }
}

TEST(Mckp, SolvesIdenticalUnits) {
  auto problem = make_problem(
      600, 6, 1, [](auto&, int c) { return 131072 * (c + 2) + 8192; },
      [](auto&, int64_t bytes) { return std::exp2(-static_cast<double>(bytes) / 65536); });
  for (const double share : {0.1, 0.333, 0.77}) {
    set_budget(problem, share);
    EXPECT_EQ(solve("mckp", problem).gap, 0) << share;
  }
}

TEST(Mckp, BoundsStronglyCorrelatedUnits) {
  // Loss falls in nearly the same proportion as bytes rise: every choice is almost as good as every
  // other.
  auto problem = make_problem(
      1000, 8, 3, [](auto& r, int) { return draw(r, 1, 2'000'000'000); },
      [](auto& r, int64_t bytes) {
        return static_cast<double>(3'000'000'000 - bytes) +
               static_cast<double>(draw(r, 0, 1000000));
      });
  set_budget(problem, 0.4);
  // The work limit is reached: what counts is that the proven gap is small.
  const auto found = solve("mckp:monotone=false", problem);
  EXPECT_GT(found.lower_bound, 0);
  EXPECT_LE(found.gap, 1e-8 * found.predicted_loss);
}

TEST(Mckp, ReportsAnHonestGapAtTheWorkLimit) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    auto problem = make_problem(
        7, 4, seed, [](auto& r, int) { return draw(r, 1, 1000000); },
        [](auto& r, int64_t bytes) { return 2e6 - static_cast<double>(bytes - draw(r, 0, 9999)); });
    set_budget(problem, 0.5);
    const double best = brute_force(problem).predicted_loss;
    for (const std::string spec :
         {"mckp:monotone=false,max_states=1", "mckp:monotone=false,tolerance=0.01"}) {
      const auto found = solve(spec, problem);
      EXPECT_LE(found.lower_bound, best * (1 + 1e-12));
      EXPECT_GE(found.predicted_loss, best * (1 - 1e-12));
      EXPECT_NEAR(found.gap, found.predicted_loss - found.lower_bound, 1e-6);
      if (spec.find("tolerance") != std::string::npos) {
        EXPECT_LE(found.gap, 0.01 * found.predicted_loss);
      }
    }
  }
}

TEST(Mckp, SpendsTheBudgetOnUpgradesLostInTheNoise) {
  AllocationProblem problem;
  // 8 bits measured worse than 4 by chance.
  problem.units.push_back(
      make_unit("a", 0, 0, {{"q:bits=4", 4, 100, 1.0, 0}, {"q:bits=8", 8, 200, 1.1, 0}}));
  problem.budget_bytes = 250;
  EXPECT_EQ(bits_of(problem, solve("mckp", problem)), std::vector<int>{8});
  EXPECT_EQ(bits_of(problem, solve("mckp:monotone=false", problem)), std::vector<int>{4});
  problem.budget_bytes = 199;
  EXPECT_EQ(bits_of(problem, solve("mckp", problem)), std::vector<int>{4});
}

TEST(Mckp, ReadsNegativeLossesAsZero) {
  AllocationProblem problem;
  problem.units.push_back(make_unit("a", 0, 0, {{"q", 4, 100, -1e-7, 0}, {"r", 8, 200, -0.5, 0}}));
  const auto found = solve("mckp:monotone=false", problem);
  EXPECT_EQ(found.choice, std::vector<int>{0});
  EXPECT_EQ(found.predicted_loss, 0);
}

TEST(Mckp, AcceptsNoUnits) { EXPECT_EQ(solve("mckp", {}).bytes, 0); }

TEST(Mckp, RejectsBadLosses) {
  AllocationProblem problem;
  problem.units.push_back(make_unit("layer.3", 0, 0, {{"q:bits=4", 4, 100, std::nan(""), 0}}));
  for (const std::string spec : {"mckp", "mckp:monotone=false"}) {
    EXPECT_THAT(error_of(ErrorCode::Numeric, [&] { solve(spec, problem); }), HasSubstr("layer.3"));
  }
}

TEST(Mckp, NamesTheSmallestBudget) {
  auto problem = scored_blocks({0, 0, 0});
  problem.budget_bytes = 29;
  EXPECT_THAT(error_of(ErrorCode::Usage, [&] { solve("mckp", problem); }),
              HasSubstr("smallest feasible budget is 30 bytes"));
}

TEST(Mckp, SuggestsOptionNames) {
  EXPECT_THAT(error_of(ErrorCode::Usage, [] { solve("mckp:tolerence=0.1", {}); }),
              HasSubstr("did you mean \"tolerance\""));
  EXPECT_THAT(error_of(ErrorCode::Usage, [] { solve("mckp:max_states=0", {}); }),
              HasSubstr("max_states > 0"));
}

}  // namespace
}  // namespace mpq
