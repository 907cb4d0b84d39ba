// The best single spec for all units that fits the budget: the baseline every mix has to beat.
#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "mpq/alloc/problem.h"

namespace mpq {
namespace {

std::string method_of(const std::string& spec) { return spec.substr(0, spec.find(':')); }

/// The unit's candidate for the spec of `wanted`. A unit that does not offer it (its shape did not admit the group size)
/// stands in with its candidate of the same bits: the same plug-in first, then less loss, then fewer bytes.
std::optional<int> match(const AllocationUnit& unit, const Candidate& wanted) {
  std::optional<int> best;
  const auto rank = [&](const Candidate& c) {
    return std::tuple(c.spec != wanted.spec, method_of(c.spec) != method_of(wanted.spec),
                      clamped_loss(c), c.bytes);
  };
  for (size_t c = 0; c < unit.candidates.size(); ++c) {
    if (unit.candidates[c].bits != wanted.bits) continue;
    if (!best || rank(unit.candidates[c]) < rank(unit.candidates[*best])) {
      best = static_cast<int>(c);
    }
  }
  return best;
}

/// One choice per unit for `wanted`; nothing when some unit has no candidate of those bits.
std::optional<std::vector<int>> spread(const AllocationProblem& problem, const Candidate& wanted) {
  std::vector<int> choice;
  for (const auto& unit : problem.units) {
    const auto found = match(unit, wanted);
    if (!found) return std::nullopt;
    choice.push_back(*found);
  }
  return choice;
}

class Uniform : public Allocator {
 public:
  using Options = NoOptions;

  explicit Uniform(const Options&) {}

  Allocation solve(const AllocationProblem& problem) const override {
    check_candidates(problem);
    std::optional<Allocation> best;
    constexpr int64_t kNone = std::numeric_limits<int64_t>::max();
    int64_t smallest = kNone;
    std::set<std::pair<int, std::string>> seen;
    for (const auto& unit : problem.units) {
      for (const auto& candidate : unit.candidates) {
        if (!seen.insert({candidate.bits, candidate.spec}).second) continue;
        auto choice = spread(problem, candidate);
        if (!choice) continue;
        Allocation found = evaluate_choice(problem, std::move(*choice));
        smallest = std::min(smallest, found.bytes);
        if (found.bytes > problem.budget_bytes) continue;
        const bool better = !best || std::tie(found.predicted_loss, found.bytes) <
                                         std::tie(best->predicted_loss, best->bytes);
        if (better) best = std::move(found);
      }
    }
    if (!best && !problem.units.empty()) {
      require(smallest != kNone, ErrorCode::Usage,
              "uniform: no spec or bit width is offered by every unit; add one to the palette");
      fail_infeasible(problem, "uniform", smallest);
    }
    return evaluate_with_bound(problem, best ? best->choice : std::vector<int>{});
  }
};

MPQ_REGISTER(Allocator, Uniform, "uniform", "the best single spec for all units that fits");

}  // namespace
}  // namespace mpq
