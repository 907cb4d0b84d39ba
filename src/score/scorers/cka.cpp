// CKA: how little the block's update resembles its full-precision self with one unit quantized
// (methods.md, 1.5 and 2).
#include <ATen/ATen.h>

#include "mpq/score/candidate_walk.h"
#include "mpq/score/loss_table.h"
#include "mpq/score/update_distance.h"

namespace mpq {
namespace {

class CkaScorer final : public Scorer {
 public:
  using Options = NoOptions;
  explicit CkaScorer(const Options&) {}

  bool measures_loss() const override { return true; }
  bool measures_each_alone() const override { return true; }

  ScoreCost cost(const ScoreContext& context) const override {
    return {walk_products(context, "", /*outputs=*/true), count_candidates(context)};
  }

  ScoreTable score(const ScoreContext& context) const override {
    ScoreTable table = empty_table(context, "1 - CKA");
    const auto probed = pick(context.groups, probed_groups(context));
    std::vector<CandidateOutput> outputs;
    CandidateWalk walk{.title = "score cka", .products = cost(context).products};
    walk.candidate = [&](CandidateOutput output) { outputs.push_back(std::move(output)); };
    walk.leave = [&](int64_t, const Streams& input, const Streams& full) {
      const UpdateDistance distance(probed, context.text_share, input, full);
      for (const auto& output : outputs)
        table.loss[output.unit][output.candidate] = distance.cka(input, output.hidden);
      outputs.clear();
    };
    walk_candidates(context, walk, table);
    rank_by_loss(context, table);
    return table;
  }
};

MPQ_REGISTER(Scorer, CkaScorer, "cka",
             "1 - debiased CKA of the block's update; local, one block forward each");

}  // namespace
}  // namespace mpq
