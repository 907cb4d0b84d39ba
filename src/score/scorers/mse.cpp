// Local error: how far the block's output moves, relative to its size (methods.md, 1.5). No later
// block is run.
#include <ATen/ATen.h>

#include <cmath>

#include "mpq/core/error.h"
#include "mpq/score/candidate_walk.h"
#include "mpq/score/loss_table.h"

namespace mpq {
namespace {

double squared(const at::Tensor& x) { return x.to(at::kDouble).square().sum().item<double>(); }

class Mse final : public Scorer {
 public:
  using Options = NoOptions;
  explicit Mse(const Options&) {}

  bool measures_loss() const override { return true; }
  bool measures_each_alone() const override { return true; }

  ScoreCost cost(const ScoreContext& context) const override {
    return {walk_products(context, "", /*outputs=*/true), count_candidates(context)};
  }

  ScoreTable score(const ScoreContext& context) const override {
    ScoreTable table = empty_table(context, "relative");
    std::vector<CandidateOutput> outputs;
    CandidateWalk walk{.title = "score mse", .products = cost(context).products};
    walk.candidate = [&](CandidateOutput output) { outputs.push_back(std::move(output)); };
    walk.leave = [&](int64_t index, const Streams&, const Streams& full) {
      double size = 0;
      for (const auto& hidden : full) size += squared(hidden);
      require(std::isfinite(size), ErrorCode::Numeric,
              "mse: the output of block {} holds NaN or infinity; try --dtype float32, or check "
              "the checkpoint's weights",
              index);
      for (const auto& output : outputs) {
        double error = 0;
        for (size_t g = 0; g < full.size(); ++g) error += squared(output.hidden[g] - full[g]);
        table.loss[output.unit][output.candidate] = error == 0 ? 0 : error / size;
      }
      outputs.clear();
    };
    walk_candidates(context, walk, table);
    rank_by_loss(context, table);
    return table;
  }
};

MPQ_REGISTER(Scorer, Mse, "mse",
             "relative error of the block's output; local, one block forward each");

}  // namespace
}  // namespace mpq
