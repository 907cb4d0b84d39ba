// Sensitivity from gradients: what a unit's rounding error moves the loss by, to second order, from
// one backward pass for all units and candidates (methods.md, 1.5).
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "mpq/calib/backward.h"
#include "mpq/calib/kept_gradients.h"
#include "mpq/core/error.h"
#include "mpq/model/divergence.h"
#include "mpq/score/candidate_walk.h"
#include "mpq/score/loss_table.h"

namespace mpq {
namespace {

/// A probed group, and what is known of the resident block there.
struct Probed {
  size_t place = 0;  // among the probed groups
  const SequenceGroup* group = nullptr;
  double weight = 1;
  KeptGradients stream;
  Streams inputs;                  // of the linears, by stage, [rows, in]
  std::vector<Streams> gradients;  // of the loss by the linears' outputs, [draw][linear]
};

/// Squared change of the loss that a difference of a unit's weight makes, float64 [rows], as if
/// tokens were independent: for draws the mean over them, halved.
at::Tensor squared_change(const Probed& probed, const Unit& unit, const at::Tensor& difference,
                          int draws) {
  constexpr int64_t kRows = 1024;  // at a time: products this small stay in the cache
  const at::Tensor& input = probed.inputs[static_cast<size_t>(unit.stage)];
  const at::Tensor moving = difference.to(input.scalar_type()).t();
  at::Tensor sum = at::zeros({input.size(0)}, at::kDouble);
  for (int64_t first = 0; first < input.size(0); first += kRows) {
    const int64_t count = std::min(kRows, input.size(0) - first);
    const auto moved =
        at::mm(input.narrow(0, first, count), moving).to(wide_dtype(input.scalar_type()));
    for (const auto& by_linear : probed.gradients) {
      int64_t column = 0;
      at::Tensor change = at::zeros({count}, moved.options());
      for (const size_t index : unit.linears) {
        const at::Tensor gradient = by_linear[index].narrow(0, first, count);
        change.add_(at::mul(moved.narrow(1, column, gradient.size(1)), gradient).sum(1));
        column += gradient.size(1);
      }
      sum.narrow(0, first, count).add_(change.to(at::kDouble).square());
    }
  }
  return draws > 0 ? sum.div_(2.0 * draws) : sum;
}

/// What all rows of a sequence change, by its rows whose outputs are measured.
MeanWithError mean_of_scored(const SequenceGroup& group, const at::Tensor& change) {
  const int64_t count = group.plan.sequences();
  const at::Tensor sequence = group.plan.sequence_of_row();
  if (!group.scored_rows.defined()) return mean_over_tokens(change, sequence, count);
  const at::Tensor scored = group.scored(sequence);
  const auto zeros = at::zeros({count}, at::kDouble);
  const auto rows = zeros.index_add(0, scored, at::ones(scored.sizes(), at::kDouble));
  const auto each = zeros.index_add(0, sequence, change).div(rows);
  return mean_over_tokens(each.index_select(0, scored), scored, count);
}

class Grad final : public Scorer {
 public:
  struct Options {
    int draws = 2;
    double text_weight = 0.02;
    template <class Field>
    void visit(Field&& field) {
      field("draws", draws,
            "tokens drawn from the model's own distribution at every place: the loss is the KL, "
            "in nats; 0: the text's own next tokens, the loss is their squared change");
      field("text_weight", text_weight, "weight of the general text's loss beside the task's");
    }
  };

  explicit Grad(const Options& options) : options_(options) {
    require(options.draws >= 0 && options.text_weight >= 0, ErrorCode::Usage,
            "grad: expected draws and text_weight of 0 or more");
  }

  bool measures_loss() const override { return true; }
  bool measures_each_alone() const override { return true; }

  ScoreCost cost(const ScoreContext& context) const override {
    int64_t products = pass_products(context);
    for (const auto& probed : weighted_groups(context))
      products += stream_gradient_products(context.model->config(), probed.group->plan.rows(),
                                           loss_of(context));
    return {products, count_candidates(context)};
  }

  ScoreTable score(const ScoreContext& context) const override {
    ScoreTable table =
        empty_table(context, options_.draws > 0 ? "nats/token" : "squared nats/token");
    std::vector<Probed> all = weighted_groups(context);
    require(!all.empty(), ErrorCode::Usage, "grad: there are no task prompts to probe");
    for (auto& probed : all) {
      if (probed.stream.complete()) continue;
      const BackwardPass pass{*context.model,
                              probed.group->plan,
                              *context.memory,
                              probed.group->text ? "score grad, text" : "score grad",
                              probed.stream.state_file(),
                              probed.group->scored_rows};
      stream_gradients(pass, loss_of(context), [&](int64_t block, const Streams& output) {
        probed.stream.keep(block, output);
      });
    }
    CandidateWalk walk{.title = "score grad", .products = pass_products(context)};
    walk.enter = [&](const DecoderBlock& block, const Streams& input) {
      for (auto& probed : all) enter(context, block, input[probed.place], probed);
    };
    walk.weights = [&](size_t unit, size_t candidate, const at::Tensor& difference) {
      measure(context, all, unit, candidate, difference, table);
    };
    walk_candidates(context, walk, table);
    rank_by_loss(context, table);
    return table;
  }

 private:
  BackwardLoss loss_of(const ScoreContext& context) const { return {options_.draws, context.seed}; }

  /// Of the candidates' pass.
  int64_t pass_products(const ScoreContext& context) const {
    const ModelConfig& config = context.model->config();
    int64_t products = walk_products(context, "", /*outputs=*/false);
    for (const auto& probed : weighted_groups(context))
      products += config.layers *
                  block_gradient_products(config, probed.group->plan.rows(), loss_of(context));
    return products;
  }

  /// Without draws the task alone is measured, as the first-order score has it.
  std::vector<Probed> weighted_groups(const ScoreContext& context) const {
    std::vector<Probed> all;
    size_t place = 0;
    for (const auto& group : context.groups) {
      if (!group.probe) continue;
      const double text_weight = options_.draws > 0 ? options_.text_weight : 0;
      const double weight = group.text ? text_weight : 1;
      const std::string& folder = context.finished_folder;
      if (weight > 0)
        all.push_back(
            {place,
             &group,
             weight,
             {context.model->config(), group.plan.rows(), loss_of(context).count(),
              folder.empty() ? "" : fmt::format("{}/gradients-{}", folder, place), *context.memory},
             {},
             {}});
      ++place;
    }
    return all;
  }

  /// Gathers a block's inputs and gradients.
  static void enter(const ScoreContext& context, const DecoderBlock& block, const at::Tensor& input,
                    Probed& probed) {
    const BatchPlan& plan = probed.group->plan;
    const Streams output = probed.stream.take(block.index);
    probed.inputs.assign(kStages, {});
    probed.gradients.assign(output.size(), Streams(block.weights.size()));
    const auto put = [&](const at::Tensor& rows, const Batch& batch, at::ScalarType dtype,
                         at::Tensor& all) {
      if (!all.defined()) all = context.memory->allocate(plan.rows(), rows.size(1), dtype);
      rows_of(all, batch).copy_(rows);
    };
    const auto gather = [&](const StageGradients& shown) {
      if (shown.draw == 0)
        put(shown.input, *shown.batch, shown.input.scalar_type(),
            probed.inputs[static_cast<size_t>(shown.stage)]);
      for (size_t i = 0; i < shown.gradients.size(); ++i) {
        if (shown.gradients[i].defined())
          put(shown.gradients[i], *shown.batch, output.front().scalar_type(),
              probed.gradients[static_cast<size_t>(shown.draw)][i]);
      }
    };
    block_gradients(context.model->config(), block, plan, input, output, gather);
  }

  void measure(const ScoreContext& context, const std::vector<Probed>& all, size_t unit,
               size_t candidate, const at::Tensor& difference, ScoreTable& table) const {
    for (const auto& probed : all) {
      const MeanWithError mean = mean_of_scored(
          *probed.group,
          squared_change(probed, context.units[unit].unit, difference, options_.draws));
      table.loss[unit][candidate] += probed.weight * mean.mean;
      double& error = table.loss_stderr[unit][candidate];
      error = std::hypot(error, probed.weight * mean.stderr_);
    }
  }

  Options options_;
};

MPQ_REGISTER(Scorer, Grad, "grad",
             "the output's KL to second order, from one backward pass for all candidates");

}  // namespace
}  // namespace mpq
