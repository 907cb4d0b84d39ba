// The quadratic program against brute force (tools/golden/make_qp.py).
#include <gtest/gtest.h>

#include "mpq/alloc/psd.h"
#include "mpq/core/json_file.h"
#include "tests/alloc/problems.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {

Json qp_cases() { return read_json_file(source_path("tests/golden/qp/cases.json")); }

AllocationProblem golden_problem(const Json& golden) {
  AllocationProblem problem;
  problem.budget_bytes = golden.at("capacity").get<int64_t>();
  int block = 0;
  for (const auto& entry : golden.at("blocks")) {
    const size_t first = problem.units.size();
    for (size_t i = 0; i < entry.at("loss").size(); ++i) {
      std::vector<Candidate> candidates;
      for (size_t m = 0; m < entry.at("loss")[i].size(); ++m)
        candidates.push_back({"hir", 2, entry.at("cost")[i][m].get<int64_t>(),
                              entry.at("loss")[i][m].get<double>(), 0});
      problem.units.push_back(make_unit("unit", block, 0, candidates));
    }
    for (const auto& pair : entry.at("pairs")) {
      problem.pairs.push_back({first + pair.at("first").get<size_t>(),
                               first + pair.at("second").get<size_t>(),
                               pair.at("interaction").get<std::vector<std::vector<double>>>()});
    }
    ++block;
  }
  return problem;
}

std::vector<int> flat(const Json& choice) {
  std::vector<int> all;
  for (const auto& block : choice) {
    for (const auto& value : block) all.push_back(value.get<int>());
  }
  return all;
}

TEST(Qp, EqualsBruteForce) {
  const auto qp = Registry<Allocator>::instance().make("qp");
  const Json all = qp_cases();
  ASSERT_GE(all.size(), 5U);
  for (const auto& golden : all) {
    const auto name = golden.at("name").get<std::string>();
    const Allocation found = qp->solve(golden_problem(golden));
    EXPECT_EQ(found.choice, flat(golden.at("choice"))) << name;
    EXPECT_EQ(found.bytes, golden.at("cost").get<int64_t>()) << name;
    const double value = golden.at("value");
    EXPECT_NEAR(found.predicted_loss, value, 1e-9 * value) << name;
    EXPECT_LE(found.gap, 1e-9 * value) << name;
    EXPECT_NEAR(found.clipped, golden.at("clipped_share"), 1e-9) << name;
    // Ignoring the pairs costs what the golden says it does.
    EXPECT_LE(found.predicted_loss, golden.at("additive_value").get<double>() + 1e-12) << name;
  }
}

TEST(Qp, WithoutProjectionTheMatrixIsTakenAsMeasured) {
  const auto qp = Registry<Allocator>::instance().make("qp:psd=false");
  int compared = 0;
  for (const Json all = qp_cases(); const auto& golden : all) {
    if (golden.at("unprojected").is_null()) continue;
    const Allocation found = qp->solve(golden_problem(golden));
    const double value = golden.at("unprojected").at("value");
    EXPECT_NEAR(found.predicted_loss, value, 1e-9 * value) << golden.at("name");
    EXPECT_EQ(found.clipped, 0);
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

TEST(Qp, ASumThatIsNoNumberIsNotTheLeastLoss) {
  AllocationProblem problem;
  problem.budget_bytes = 100;
  for (const double loss :
       {0.0, 0.0, 1e308})  // twice the last, and both interactions, are infinite
    problem.units.push_back(make_unit("unit", 7, 0, {{"hir", 2, 10, loss, 0}}));
  problem.pairs = {{0, 1, {{-1.7e308}}}, {0, 2, {{-1.7e308}}}};
  const auto qp = Registry<Allocator>::instance().make("qp:psd=false");
  const std::string message = error_of(ErrorCode::Numeric, [&] { qp->solve(problem); });
  EXPECT_NE(message.find("block 7"), std::string::npos) << message;
}

TEST(ProjectPsd, EqualsNumpysEigenvalues) {
  for (const Json all = qp_cases(); const auto& golden : all) {
    for (const auto& block : golden.at("blocks")) {
      const auto rows = block.at("M").get<std::vector<std::vector<double>>>();
      const auto expected = block.at("M_psd").get<std::vector<std::vector<double>>>();
      std::vector<double> matrix;
      for (const auto& row : rows) matrix.insert(matrix.end(), row.begin(), row.end());
      const int n = static_cast<int>(rows.size());
      const PsdProjection projected = project_psd(matrix, n);
      EXPECT_NEAR(projected.clipped, block.at("clipped"), 1e-9);
      for (int i = 0; i < n; ++i) {
        for (int j = 0; j < n; ++j) {
          EXPECT_NEAR(projected.matrix[static_cast<size_t>(i * n + j)],
                      expected[static_cast<size_t>(i)][static_cast<size_t>(j)], 1e-9);
        }
      }
    }
  }
}

TEST(Qp, WithoutPairsItIsTheKnapsack) {
  const auto problem = make_problem(
      6, 4, 11, [](auto& rng, int c) { return 100 * (c + 1) + static_cast<int64_t>(rng() % 50); },
      [](auto& rng, int64_t bytes) { return 1e4 / static_cast<double>(bytes) + rng() % 7; });
  auto tight = problem;
  tight.budget_bytes = largest_bytes(problem) * 2 / 3;
  const auto& registry = Registry<Allocator>::instance();
  EXPECT_NEAR(registry.make("qp")->solve(tight).predicted_loss,
              registry.make("mckp:monotone=false")->solve(tight).predicted_loss, 1e-9);
}

}  // namespace
}  // namespace mpq
