// Ranks decoder blocks and applies a plan of bits per block.
#include "mpq/alloc/block_split.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "mpq/alloc/problem.h"
#include "mpq/core/error.h"

namespace mpq {
namespace {

int candidate_with_bits(const AllocationUnit& unit, int bits, std::string_view method,
                        std::initializer_list<int> widths) {
  int best = -1;
  std::set<int> offered;
  for (size_t c = 0; c < unit.candidates.size(); ++c) {
    const auto& candidate = unit.candidates[c];
    offered.insert(candidate.bits);
    if (candidate.bits != bits) continue;
    const bool better =
        best < 0 || std::pair(clamped_loss(candidate), candidate.bytes) <
                        std::pair(clamped_loss(unit.candidates[best]), unit.candidates[best].bytes);
    if (better) best = static_cast<int>(c);
  }
  require(best >= 0, ErrorCode::Usage,
          "{}: unit \"{}\" offers {} bits but not {}; the palette needs {} bits", method, unit.name,
          fmt::join(offered, ", "), bits, fmt::join(std::set<int>(widths), " and "));
  return best;
}

}  // namespace

std::vector<int> blocks_of(const AllocationProblem& problem) {
  std::set<int> blocks;
  for (const auto& unit : problem.units) blocks.insert(unit.block);
  return {blocks.begin(), blocks.end()};
}

std::vector<int> rank_blocks(const AllocationProblem& problem, std::vector<int> blocks) {
  struct Mean {
    double weighted = 0, weights = 0, plain = 0, units = 0;
    double value() const { return weights > 0 ? weighted / weights : plain / units; }
  };
  std::map<int, Mean> means;
  for (const auto& unit : problem.units) {
    require(std::isfinite(unit.score), ErrorCode::Numeric,
            "unit \"{}\": expected a finite score, found {}; score it again", unit.name,
            unit.score);
    auto& mean = means[unit.block];
    mean.weighted += unit.score * static_cast<double>(unit.weights);
    mean.weights += static_cast<double>(unit.weights);
    mean.plain += unit.score;
    mean.units += 1;
  }
  std::sort(blocks.begin(), blocks.end(), [&](int a, int b) {
    const double left = means[a].value(), right = means[b].value();
    return left != right ? left > right : a < b;
  });
  return blocks;
}

size_t round_half_up(double fraction, size_t count) {
  // 0.35 * 10 is a half in decimal though not in binary.
  constexpr double kDecimalSlack = 1e-9;
  const double exact = fraction * static_cast<double>(count);
  return std::min(count, static_cast<size_t>(std::floor(exact + 0.5 + kDecimalSlack)));
}

std::vector<int> protect_ends(const std::vector<int>& blocks, int first, int last, int bits,
                              std::map<int, int>& plan) {
  std::vector<int> middle;
  const auto count = static_cast<int>(blocks.size());
  for (int i = 0; i < count; ++i) {
    if (i < first || i >= count - last) {
      plan[blocks[i]] = bits;
    } else {
      middle.push_back(blocks[i]);
    }
  }
  return middle;
}

Allocation apply_block_bits(const AllocationProblem& problem, const std::map<int, int>& plan,
                            std::string_view method, std::initializer_list<int> widths) {
  check_candidates(problem);
  std::vector<int> choice;
  for (const auto& unit : problem.units) {
    choice.push_back(candidate_with_bits(unit, plan.at(unit.block), method, widths));
  }
  const int64_t bytes = evaluate_choice(problem, choice).bytes;
  if (bytes > problem.budget_bytes) {
    fail_infeasible(problem, fmt::format("{} takes {} bytes whatever the budget", method, bytes),
                    bytes);
  }
  return evaluate_with_bound(problem, std::move(choice));
}

}  // namespace mpq
