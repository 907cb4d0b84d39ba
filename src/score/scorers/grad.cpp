// First-order sensitivity: what a unit's rounding error moves the loss by, from one backward pass
// for all candidates (methods.md, 1.5).
#include <ATen/ATen.h>

#include <map>

#include "mpq/calib/backward.h"
#include "mpq/quant/quantize_unit.h"
#include "mpq/score/candidate_walk.h"
#include "mpq/score/loss_table.h"

namespace mpq {
namespace {

class Grad final : public Scorer {
 public:
  using Options = NoOptions;
  explicit Grad(const Options&) {}

  bool measures_loss() const override { return true; }

  ScoreCost cost(const ScoreContext& context) const override {
    // The forward pass, the recomputed one and its backward, and the candidates' pass.
    return {4 * context.model->config().layers, count_candidates(context)};
  }

  /// Sum over the task's probe tokens of (g_y (y_q - y))^2, y the outputs of the unit's linears,
  /// per token: the squared first-order change of the loss, as if tokens were independent.
  ScoreTable score(const ScoreContext& context) const override {
    ScoreTable table = empty_table(context, "squared nats/token");
    const auto errors = weight_errors(context);
    int64_t rows = 0;
    for (const size_t g : probed_groups(context)) {
      const SequenceGroup& group = context.groups[g];
      if (group.text) continue;
      rows += group.plan.rows();
      walk_backward(*context.model, group.plan, *context.memory, "score grad",
                    [&](const StageGradients& shown) { add(context, errors, shown, table); });
    }
    for (auto& losses : table.loss) {
      for (auto& loss : losses) loss /= static_cast<double>(std::max<int64_t>(1, rows));
    }
    rank_by_loss(context, table);
    return table;
  }

 private:
  /// W_q - W of every candidate, in the compute dtype, [unit][candidate]; undefined for "full".
  using WeightErrors = std::vector<std::vector<at::Tensor>>;

  static WeightErrors weight_errors(const ScoreContext& context) {
    WeightErrors errors;
    for (const auto& unit : context.units) errors.emplace_back(unit.candidates.size());
    WalkHooks hooks;
    hooks.weights = [&](size_t unit, size_t candidate, const at::Tensor& difference) {
      errors[unit][candidate] = difference.to(context.model->dtype());
    };
    walk_candidates(context, "", hooks, "score grad: quantize");
    return errors;
  }

  static void add(const ScoreContext& context, const WeightErrors& errors,
                  const StageGradients& shown, ScoreTable& table) {
    for (size_t u = 0; u < context.units.size(); ++u) {
      const Unit& unit = context.units[u].unit;
      if (unit.block != shown.block || unit.stage != shown.stage) continue;
      const at::Tensor gradient = gradient_of(context, unit, shown);
      for (size_t c = 0; c < errors[u].size(); ++c) {
        if (!errors[u][c].defined()) continue;
        const auto moved = at::mm(shown.input, errors[u][c].t()) * gradient;
        table.loss[u][c] += moved.sum(1, false, at::kDouble).square().sum().item<double>();
      }
    }
  }

  /// The unit's outputs' gradients side by side, [rows, out].
  static at::Tensor gradient_of(const ScoreContext& context, const Unit& unit,
                                const StageGradients& shown) {
    const auto& linears = context.model->config().linears;
    std::vector<at::Tensor> parts;
    for (const size_t wanted : unit.linears) {
      size_t place = 0;
      for (size_t i = 0; i < wanted; ++i) place += linears[i].stage == unit.stage ? 1 : 0;
      parts.push_back(shown.gradients[place]);
    }
    return at::cat(parts, 1);
  }
};

MPQ_REGISTER(Scorer, Grad, "grad",
             "squared first-order change of the loss, one backward pass for all candidates");

}  // namespace
}  // namespace mpq
