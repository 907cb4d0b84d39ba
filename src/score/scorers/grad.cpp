// Sensitivity from gradients: what a unit's rounding error moves the loss by, to second order, from
// one backward pass for all units and candidates (methods.md, 1.5).
#include <ATen/ATen.h>

#include <cmath>

#include "mpq/calib/backward.h"
#include "mpq/core/error.h"
#include "mpq/model/divergence.h"
#include "mpq/score/candidate_walk.h"
#include "mpq/score/loss_table.h"

namespace mpq {
namespace {

/// A probed group on its way through the blocks.
struct Probed {
  size_t place = 0;  // among the probed groups
  const SequenceGroup* group = nullptr;
  double weight = 1;
  std::vector<StreamGradients> stream;  // by block
  /// Of the resident block, over all rows: the linears' inputs by stage, and by draw the gradients
  /// of the loss by the linears' outputs.
  std::vector<at::Tensor> inputs;
  std::vector<std::vector<at::Tensor>> gradients;
};

/// Squared change of the loss that a difference of a unit's weight makes, float64 [rows], as if
/// tokens were independent: for draws the mean over them, halved.
at::Tensor squared_change(const Probed& probed, const Unit& unit, const at::Tensor& difference,
                          int draws) {
  const at::Tensor& input = probed.inputs[static_cast<size_t>(unit.stage)];
  const at::Tensor moved = at::mm(input, difference.to(input.scalar_type()).t());
  at::Tensor sum = at::zeros({input.size(0)}, at::kDouble);
  for (const auto& by_linear : probed.gradients) {
    int64_t column = 0;
    at::Tensor change = at::zeros({input.size(0)}, wide_dtype(input.scalar_type()));
    for (const size_t index : unit.linears) {
      const at::Tensor& gradient = by_linear[index];
      const auto part = moved.narrow(1, column, gradient.size(1)).to(change.scalar_type());
      change.add_(at::mul(part, gradient).sum(1));
      column += gradient.size(1);
    }
    sum.add_(change.to(at::kDouble).square());
  }
  return draws > 0 ? sum.div_(2.0 * draws) : sum;
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

  ScoreCost cost(const ScoreContext& context) const override {
    const int64_t layers = context.model->config().layers;
    // A group's way to the output, each block again with its backwards; the same block by block;
    // the candidates' pass.
    const int64_t again = 1 + loss_of(context).count();
    const int64_t groups = static_cast<int64_t>(weighted_groups(context).size());
    return {layers + groups * (layers + (2 * layers - 1) * again), count_candidates(context)};
  }

  ScoreTable score(const ScoreContext& context) const override {
    const ModelConfig& config = context.model->config();
    ScoreTable table =
        empty_table(context, options_.draws > 0 ? "nats/token" : "squared nats/token");
    std::vector<Probed> all = weighted_groups(context);
    require(!all.empty(), ErrorCode::Usage, "grad: there are no task prompts to probe");
    const BackwardLoss loss = loss_of(context);
    for (auto& probed : all) {
      probed.stream = stream_gradients(*context.model, probed.group->plan, loss, *context.memory,
                                       "score grad: backward");
      count_forwards(context, config.layers + (config.layers - 1) * (1 + loss.count()));
    }
    WalkHooks hooks;
    hooks.enter = [&](const DecoderBlock& block, const GroupHidden& input) {
      for (auto& probed : all) {
        enter(context, block, input[probed.place], probed);
        count_forwards(context, 1 + loss.count());
      }
    };
    hooks.weights = [&](size_t unit, size_t candidate, const at::Tensor& difference) {
      measure(context, all, unit, candidate, difference, table);
    };
    walk_candidates(context, "", hooks, "score grad", table);
    rank_by_loss(context, table);
    return table;
  }

 private:
  BackwardLoss loss_of(const ScoreContext& context) const { return {options_.draws, context.seed}; }

  /// Without draws the task alone is measured, as the first-order score has it.
  std::vector<Probed> weighted_groups(const ScoreContext& context) const {
    std::vector<Probed> all;
    size_t place = 0;
    for (const auto& group : context.groups) {
      if (!group.probe) continue;
      const double text_weight = options_.draws > 0 ? options_.text_weight : 0;
      const double weight = group.text ? text_weight : 1;
      if (weight > 0) all.push_back({place, &group, weight, {}, {}, {}});
      ++place;
    }
    return all;
  }

  /// Gathers a block's inputs and gradients, and lets go of the stream's.
  static void enter(const ScoreContext& context, const DecoderBlock& block, const at::Tensor& input,
                    Probed& probed) {
    const BatchPlan& plan = probed.group->plan;
    StreamGradients& output = probed.stream[static_cast<size_t>(block.index)];
    std::vector<std::vector<at::Tensor>> inputs(kStages);
    std::vector<std::vector<std::vector<at::Tensor>>> gradients(output.size());
    for (auto& by_linear : gradients) by_linear.resize(block.weights.size());
    const auto gather = [&](const StageGradients& shown) {
      auto& by_linear = gradients[static_cast<size_t>(shown.draw)];
      if (shown.draw == 0) inputs[static_cast<size_t>(shown.stage)].push_back(shown.input);
      for (size_t i = 0; i < by_linear.size(); ++i) {
        if (shown.gradients[i].defined()) by_linear[i].push_back(shown.gradients[i]);
      }
    };
    block_gradients(context.model->config(), block, plan, input, output, gather);
    output.clear();
    probed.inputs.clear();
    probed.gradients.clear();
    for (const auto& batches : inputs) probed.inputs.push_back(at::cat(batches, 0));
    for (auto& by_linear : gradients) {
      probed.gradients.emplace_back();
      for (auto& batches : by_linear) {
        probed.gradients.back().push_back(at::cat(batches, 0));
        batches.clear();
      }
    }
  }

  void measure(const ScoreContext& context, const std::vector<Probed>& all, size_t unit,
               size_t candidate, const at::Tensor& difference, ScoreTable& table) const {
    for (const auto& probed : all) {
      const BatchPlan& plan = probed.group->plan;
      const MeanWithError mean = mean_over_tokens(
          squared_change(probed, context.units[unit].unit, difference, options_.draws),
          plan.sequence_of_row(), plan.sequences());
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
