// Tied units take one spec, and what they lose together counts once.
#include "mpq/alloc/ties.h"

#include <gmock/gmock.h>

#include "tests/support/error_of.h"

namespace mpq {
namespace {

Candidate candidate(const std::string& spec, int64_t bytes, double loss) {
  return {.spec = spec, .bytes = bytes, .loss = loss};
}

/// "b" would take 4 bits alone, "c" 2: together they take 3 in a budget of 12.
AllocationProblem problem() {
  AllocationProblem problem;
  problem.units = {
      {"a", 0, 10, 0, {candidate("2", 2, 5), candidate("3", 3, 1), candidate("4", 4, 0)}},
      {"b", 0, 10, 0, {candidate("2", 2, 50), candidate("3", 3, 20), candidate("4", 4, 0)}},
      {"c", 0, 10, 0, {candidate("4", 8, 0), candidate("3", 6, 2), candidate("2", 4, 3)}}};
  problem.budget_bytes = 12;
  return problem;
}

std::vector<std::string> specs(const AllocationProblem& problem, const Allocation& allocation) {
  std::vector<std::string> result;
  for (size_t u = 0; u < problem.units.size(); ++u)
    result.push_back(problem.units[u].candidates[static_cast<size_t>(allocation.choice[u])].spec);
  return result;
}

class Ties : public testing::Test {
 protected:
  Allocation found() const { return solve(*allocator_, problem_); }
  std::shared_ptr<Allocator> allocator_ = Registry<Allocator>::instance().make("mckp");
  AllocationProblem problem_ = problem();
};

TEST_F(Ties, WithoutThemUnitsChooseAlone) {
  EXPECT_THAT(specs(problem_, found()), testing::ElementsAre("4", "4", "2"));
}

TEST_F(Ties, TiedUnitsTakeOneSpec) {
  problem_.ties = {{1, 2}};
  const Allocation allocation = found();
  EXPECT_THAT(specs(problem_, allocation), testing::ElementsAre("3", "3", "3"));
  const Allocation evaluated = evaluate_choice(problem_, allocation.choice);
  EXPECT_EQ(allocation.bytes, evaluated.bytes);
  EXPECT_DOUBLE_EQ(allocation.predicted_loss, evaluated.predicted_loss);
}

/// What is left of a size that nothing else fits.
TEST_F(Ties, TheSmallestChoiceIsTiedToo) {
  problem_.units[2].candidates.erase(problem_.units[2].candidates.end() - 1);  // its 2 bits
  const auto specs_of = [&] {
    return specs(problem_, evaluate_choice(problem_, smallest_choice(problem_)));
  };
  EXPECT_THAT(specs_of(), testing::ElementsAre("2", "2", "3"));
  problem_.ties = {{1, 2}};
  EXPECT_THAT(specs_of(), testing::ElementsAre("2", "3", "3"));
}

TEST_F(Ties, PairsWithinAndBetweenAreKept) {
  problem_.ties = {{1, 2}};
  problem_.budget_bytes = 100;
  problem_.pairs = {{0, 1, {{0, 0, 3}, {0, 0, 3}, {0, 0, 3}}},
                    {1, 2, {{0, 0, 0}, {0, 9, 0}, {7, 0, 0}}}};
  const Allocation allocation = solve(*Registry<Allocator>::instance().make("qp"), problem_);
  EXPECT_THAT(specs(problem_, allocation), testing::ElementsAre("4", "4", "4"));
  EXPECT_NEAR(allocation.predicted_loss, 3 + 7, 0.2);  // projected to a convex program
}

TEST_F(Ties, NothingInCommonIsAnError) {
  problem_.ties = {{1, 2}};
  for (auto& own : problem_.units[2].candidates) own.spec += "'";
  EXPECT_THAT(error_of(ErrorCode::Usage, [&] { found(); }), testing::HasSubstr("b and c"));
}

}  // namespace
}  // namespace mpq
