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

/// The unit's candidate for the spec of `wanted`. A unit that does not offer it (its shape did not
/// admit the group size) stands in with its candidate of the same bits: the same plug-in first,
/// then less loss, then fewer bytes.
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

/// One choice for all units. It is mixed when some unit stands in with another plug-in.
struct Scheme {
  int bits = 0;
  bool mixed = false;
  Allocation allocation;
};

/// Nothing when some unit has no candidate of those bits.
std::optional<Scheme> spread(const AllocationProblem& problem, const Candidate& wanted) {
  std::vector<int> choice;
  bool mixed = false;
  for (const auto& unit : problem.units) {
    const auto found = match(unit, wanted);
    if (!found) return std::nullopt;
    mixed = mixed || method_of(unit.candidates[*found].spec) != method_of(wanted.spec);
    choice.push_back(*found);
  }
  return Scheme{wanted.bits, mixed, evaluate_choice(problem, std::move(choice))};
}

/// Every spec spread over all units; mixed schemes only for bits at which there is no other.
std::vector<Scheme> schemes_of(const AllocationProblem& problem) {
  std::vector<Scheme> schemes;
  std::set<std::pair<int, std::string>> seen;
  std::set<int> unmixed;
  for (const auto& unit : problem.units) {
    for (const auto& candidate : unit.candidates) {
      if (!seen.insert({candidate.bits, candidate.spec}).second) continue;
      auto scheme = spread(problem, candidate);
      if (!scheme) continue;
      if (!scheme->mixed) unmixed.insert(scheme->bits);
      schemes.push_back(std::move(*scheme));
    }
  }
  std::erase_if(schemes, [&](const Scheme& s) { return s.mixed && unmixed.count(s.bits) != 0; });
  return schemes;
}

class Uniform : public Allocator {
 public:
  using Options = NoOptions;

  explicit Uniform(const Options&) {}

  Allocation solve(const AllocationProblem& problem) const override {
    check_candidates(problem);
    if (problem.units.empty()) return evaluate_choice(problem, {});
    const auto schemes = schemes_of(problem);
    require(!schemes.empty(), ErrorCode::Usage,
            "uniform: no spec or bit width is offered by every unit; add one to the palette");
    const Allocation* best = nullptr;
    int64_t smallest = std::numeric_limits<int64_t>::max();
    for (const auto& scheme : schemes) {
      const auto& found = scheme.allocation;
      smallest = std::min(smallest, found.bytes);
      const bool better = best == nullptr || std::tie(found.predicted_loss, found.bytes) <
                                                 std::tie(best->predicted_loss, best->bytes);
      if (found.bytes <= problem.budget_bytes && better) best = &found;
    }
    if (best == nullptr) fail_infeasible(problem, "uniform", smallest);
    return evaluate_with_bound(problem, best->choice);
  }
};

MPQ_REGISTER(Allocator, Uniform, "uniform", "the best single spec for all units that fits");

}  // namespace
}  // namespace mpq
