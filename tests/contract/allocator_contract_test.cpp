// What every registered allocator has to hold: budget, monotony, determinism, a useful error, its
// place in the tree.
#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>

#include "tests/alloc/problems.h"

namespace mpq {
namespace {

class AllocatorContract : public ::testing::TestWithParam<std::string> {
 protected:
  Allocation solve(const AllocationProblem& problem) const {
    return Registry<Allocator>::instance().make(GetParam())->solve(problem);
  }

  /// The smallest feasible budget, as the error about too small a one names it.
  int64_t smallest_budget(AllocationProblem problem) const {
    problem.budget_bytes = smallest_bytes(problem) - 1;
    const auto message = error_of(ErrorCode::Usage, [&] { solve(problem); });
    const std::string phrase = "smallest feasible budget is ";
    const size_t at = message.find(phrase);
    EXPECT_NE(at, std::string::npos) << message;
    return at == std::string::npos ? 0 : std::stoll(message.substr(at + phrase.size()));
  }
};

/// 20 blocks of 3 units with the palette that the papers' splits need, noisy losses and rank
/// scores.
AllocationProblem contract_problem(uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::uniform_real_distribution<double> unit_draw(0, 1);
  AllocationProblem problem;
  for (int u = 0; u < 60; ++u) {
    AllocationUnit unit{"unit" + std::to_string(u), u / 3, 65536 * (1 + u % 3), unit_draw(rng), {}};
    const double scale = std::exp(4 * unit_draw(rng));
    for (const int bits : {2, 3, 4, 6, 8, 16}) {
      const double loss = scale * std::exp2(-2.0 * bits) * (0.5 + unit_draw(rng));
      unit.candidates.push_back({fmt::format("q:bits={}", bits), bits,
                                 unit.weights * bits / 8 + unit.weights / 64,
                                 bits == 16 ? 0.0 : loss, 0});
    }
    problem.units.push_back(std::move(unit));
  }
  return problem;
}

TEST_P(AllocatorContract, StaysWithinTheBudgetAndIsMonotone) {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    auto problem = contract_problem(seed);
    const int64_t low = smallest_budget(problem), high = largest_bytes(problem);
    double last = std::numeric_limits<double>::infinity();
    for (int i = 0; i <= 40; ++i) {
      problem.budget_bytes = low + (high - low) * i / 40;
      const auto found = solve(problem);
      EXPECT_LE(found.bytes, problem.budget_bytes);
      EXPECT_EQ(found.bytes, evaluate_choice(problem, found.choice).bytes);
      EXPECT_LE(found.predicted_loss, last * (1 + 1e-12));
      EXPECT_LE(found.lower_bound, found.predicted_loss);
      EXPECT_EQ(found.gap, found.predicted_loss - found.lower_bound);
      last = found.predicted_loss;
    }
  }
}

TEST_P(AllocatorContract, IsDeterministic) {
  auto problem = contract_problem(11);
  problem.budget_bytes = smallest_budget(problem) + 12345;
  const auto first = solve(problem), second = solve(problem);
  EXPECT_EQ(first.choice, second.choice);
  EXPECT_EQ(first.predicted_loss, second.predicted_loss);
  EXPECT_EQ(first.lower_bound, second.lower_bound);
}

TEST_P(AllocatorContract, NamesTheSmallestFeasibleBudget) {
  auto problem = contract_problem(12);
  const int64_t smallest = smallest_budget(problem);
  problem.budget_bytes = smallest;
  EXPECT_EQ(solve(problem).bytes, smallest);
  problem.budget_bytes = smallest - 1;
  error_of(ErrorCode::Usage, [&] { solve(problem); });
}

TEST_P(AllocatorContract, HasNoBudgetByDefault) {
  const auto problem = contract_problem(13);
  EXPECT_EQ(solve(problem).choice.size(), problem.units.size());
}

TEST_P(AllocatorContract, RejectsLossesThatAreNotNumbers) {
  auto problem = contract_problem(14);
  for (auto& candidate : problem.units[7].candidates) candidate.loss = std::nan("");
  EXPECT_THAT(error_of(ErrorCode::Numeric, [&] { solve(problem); }), ::testing::HasSubstr("unit7"));
}

TEST_P(AllocatorContract, RejectsUnknownOptionsAndRoundTripsItsSpec) {
  auto& registry = Registry<Allocator>::instance();
  error_of(ErrorCode::Usage, [&] { registry.make(GetParam() + ":no_such_option=1"); });
  Spec spec{GetParam(), {}};
  EXPECT_EQ(registry.canonical(spec), spec);
  for (const auto& option : registry.at(GetParam()).options) {
    EXPECT_FALSE(option.help.empty());
    spec.set(option.name, option.default_value);
  }
  EXPECT_EQ(parse_spec(to_string(spec)), spec);
  EXPECT_EQ(registry.canonical(spec), (Spec{GetParam(), {}}));
}

INSTANTIATE_TEST_SUITE_P(Every, AllocatorContract,
                         ::testing::ValuesIn(Registry<Allocator>::instance().names()),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(AllocatorRegistry, NamesAreTheFileStemsAndHaveTests) {
  namespace fs = std::filesystem;
  const fs::path root(MPQ_SOURCE_DIR);
  std::vector<std::string> stems;
  for (const auto& entry : fs::directory_iterator(root / "src/alloc/allocators")) {
    stems.push_back(entry.path().stem().string());
    EXPECT_TRUE(fs::exists(root / "tests/alloc" / (stems.back() + "_test.cpp"))) << stems.back();
  }
  EXPECT_THAT(Registry<Allocator>::instance().names(), ::testing::UnorderedElementsAreArray(stems));
}

}  // namespace
}  // namespace mpq
