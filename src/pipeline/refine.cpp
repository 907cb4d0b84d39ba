// Local search over exchanges, by measured joint loss.
#include "mpq/pipeline/refine.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "mpq/alloc/ties.h"
#include "mpq/core/log.h"
#include "mpq/pipeline/curve.h"
#include "mpq/pipeline/scoring.h"
#include "mpq/score/joint_probe.h"

namespace mpq {
namespace {

/// New candidates for up to two units (or sets of tied ones), and what they change.
struct Exchange {
  std::vector<std::pair<size_t, int>> moves;  // unit, candidate
  int64_t bytes = 0;
  double predicted = 0;
};

class Refiner {
 public:
  Refiner(ScoreContext context, const AllocationProblem& problem, double text_weight,
          int64_t budget_bytes)
      : context_(std::move(context)),
        problem_(problem),
        text_weight_(text_weight),
        budget_bytes_(budget_bytes) {}

  /// One round from `current`; returns its facts.
  Json round(Allocation& current) const {
    const auto exchanges = promising(current);
    std::vector<Choice> plans{current.choice};
    for (const auto& exchange : exchanges) plans.push_back(applied(current.choice, exchange));
    const auto measured = joint_losses(context_, plans, text_weight_);
    std::vector<Prediction> changes;
    std::vector<size_t> helpful;
    for (size_t i = 0; i < exchanges.size(); ++i) {
      const auto& difference = measured[i + 1].difference;
      changes.push_back({exchanges[i].predicted, difference.mean});
      // False for an unknown error: a single prompt proves nothing.
      if (difference.mean + difference.stderr_ < 0) helpful.push_back(i);
    }
    std::sort(helpful.begin(), helpful.end(), [&](size_t a, size_t b) {
      return measured[a + 1].difference.mean < measured[b + 1].difference.mean;
    });
    Json facts = {{"tried", exchanges.size()},
                  {"helpful", helpful.size()},
                  {"predicted", current.predicted_loss},
                  {"measured", measured.front().loss.mean},
                  {"rank_correlation", additivity(changes)["rank_correlation"]}};
    if (!helpful.empty()) keep_best(exchanges, helpful, current, facts);
    return facts;
  }

 private:
  static Choice applied(Choice choice, const Exchange& exchange) {
    for (const auto& [unit, candidate] : exchange.moves) choice[unit] = candidate;
    return choice;
  }

  /// To every other candidate, together with the units that are stored alike; none of a unit that
  /// another one moves.
  std::vector<Exchange> moves_of(size_t unit, const Choice& choice) const {
    std::vector<size_t> members{unit};
    for (const auto& tie : problem_.ties) {
      if (std::find(tie.begin(), tie.end(), unit) != tie.end()) members = tie;
    }
    std::vector<Exchange> moves;
    if (members.front() != unit) return moves;
    for (const auto& candidate : problem_.units[unit].candidates) {
      Exchange move;
      for (const size_t member : members) {
        const auto& candidates = problem_.units[member].candidates;
        const int to = candidate_of(problem_.units[member], candidate.spec);
        if (to < 0 || to == choice[member]) break;
        const auto& now = candidates[static_cast<size_t>(choice[member])];
        move.moves.emplace_back(member, to);
        move.bytes += candidates[static_cast<size_t>(to)].bytes - now.bytes;
        move.predicted += candidates[static_cast<size_t>(to)].loss - now.loss;
      }
      if (move.moves.size() == members.size()) moves.push_back(std::move(move));
    }
    return moves;
  }

  /// The exchanges within the budget whose predicted loss is least, no unit in too many of them.
  std::vector<Exchange> promising(const Allocation& current) const {
    constexpr size_t kTried = 24;
    constexpr int kPerUnit = 4;
    std::vector<Exchange> moves;
    for (size_t u = 0; u < problem_.units.size(); ++u) {
      for (auto& move : moves_of(u, current.choice)) moves.push_back(std::move(move));
    }
    const int64_t room = budget_bytes_ - current.bytes;
    std::vector<Exchange> all;
    for (const auto& up : moves) {
      if (up.bytes <= room) all.push_back(up);
      for (const auto& down : moves) {
        const bool exchange = up.bytes > 0 && down.bytes < 0 &&
                              up.moves.front().first != down.moves.front().first &&
                              up.bytes + down.bytes <= room;
        if (exchange) {
          Exchange both{up.moves, up.bytes + down.bytes, up.predicted + down.predicted};
          both.moves.insert(both.moves.end(), down.moves.begin(), down.moves.end());
          all.push_back(std::move(both));
        }
      }
    }
    std::stable_sort(all.begin(), all.end(), [](const Exchange& a, const Exchange& b) {
      return a.predicted < b.predicted;
    });
    std::map<size_t, int> uses;
    std::vector<Exchange> chosen;
    for (const auto& exchange : all) {
      if (chosen.size() == kTried) break;
      const bool fresh = std::all_of(exchange.moves.begin(), exchange.moves.end(),
                                     [&](const auto& move) { return uses[move.first] < kPerUnit; });
      if (!fresh) continue;
      for (const auto& move : exchange.moves) ++uses[move.first];
      chosen.push_back(exchange);
    }
    return chosen;
  }

  /// Helpful exchanges together, as far as they touch different units and fit.
  Exchange combined(const std::vector<Exchange>& exchanges, const std::vector<size_t>& helpful,
                    int64_t room) const {
    Exchange sum;
    std::map<size_t, bool> touched;
    for (const size_t index : helpful) {
      const Exchange& next = exchanges[index];
      const bool apart = std::none_of(next.moves.begin(), next.moves.end(),
                                      [&](const auto& move) { return touched[move.first]; });
      if (!apart || sum.bytes + next.bytes > room) continue;
      for (const auto& move : next.moves) {
        touched[move.first] = true;
        sum.moves.push_back(move);
      }
      sum.bytes += next.bytes;
    }
    return sum;
  }

  void keep_best(const std::vector<Exchange>& exchanges, const std::vector<size_t>& helpful,
                 Allocation& current, Json& facts) const {
    const Choice best = applied(current.choice, exchanges[helpful.front()]);
    const Choice all =
        applied(current.choice, combined(exchanges, helpful, budget_bytes_ - current.bytes));
    const auto measured = joint_losses(context_, {current.choice, best, all}, text_weight_);
    const bool together = measured[2].loss.mean < measured[1].loss.mean;
    const MeanWithError gain = measured[together ? 2 : 1].difference;
    if (!(gain.mean < 0)) return;  // nor a gain that is no number
    const double bound = current.lower_bound;
    current = evaluate_choice(problem_, together ? all : best);
    current.lower_bound = bound;
    current.gap = current.predicted_loss - bound;
    facts["gain"] = {{"mean", -gain.mean}, {"stderr", gain.stderr_}};
  }

  ScoreContext context_;
  const AllocationProblem& problem_;
  double text_weight_;
  int64_t budget_bytes_;
};

}  // namespace

Refinement refine_allocation(Session& session, const ScoreOptions& scoring,
                             const Sensitivity& sensitivity, const Allocation& start,
                             const RefineOptions& options) {
  ScoreContext context = score_context(session, scoring);
  context.units = sensitivity.units;
  add_fisher(session, context);
  const Refiner refiner(std::move(context), sensitivity.problem,
                        text_weight_of(sensitivity.header.at("scorer")), options.budget_bytes);
  Refinement result{start, {{"rounds", Json::array()}}};
  for (int round = 0; round < options.rounds; ++round) {
    const Json facts = refiner.round(result.allocation);
    result.json["rounds"].push_back(facts);
    if (!facts.contains("gain")) break;  // the next round would try the same
    log_info("refine: round {} gained {:.4g} of {:.4g}", round + 1,
             facts["gain"]["mean"].get<double>(), facts["measured"].get<double>());
  }
  return result;
}

}  // namespace mpq
