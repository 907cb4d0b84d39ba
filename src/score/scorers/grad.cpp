// First-order sensitivity: what a unit's rounding error moves the loss by, from one backward pass
// for all candidates (methods.md, 1.5).
#include <ATen/ATen.h>

#include <map>

#include "mpq/calib/backward.h"
#include "mpq/core/error.h"
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
    // The inputs' pass, the backward's own, its recomputed one and its backward, the candidates'.
    return {5 * context.model->config().layers - 1, count_candidates(context)};
  }

  /// Sum over the task's probe tokens of (g_y (y_q - y))^2, y the outputs of the unit's linears,
  /// per token: the squared first-order change of the loss, as if tokens were independent.
  ScoreTable score(const ScoreContext& context) const override {
    ScoreTable table = empty_table(context, "squared nats/token");
    WeightErrors errors;  // of the block whose gradients come next
    WalkHooks candidates;
    candidates.weights = [&](size_t unit, size_t candidate, const at::Tensor& difference) {
      errors[{unit, candidate}] = difference.to(context.model->dtype());
    };
    CandidateTrials trials(context, "", candidates);
    const auto inputs = block_inputs(context);
    BackwardHooks hooks;
    hooks.enter = [&](const DecoderBlock& block) {
      errors.clear();
      trials.run_block(block, inputs[static_cast<size_t>(block.index)]);
    };
    hooks.gradients = [&](const StageGradients& shown) { add(context, errors, shown, table); };
    const SequenceGroup& group = probed_task(context);
    walk_backward(*context.model, group.plan, *context.memory, "score grad", hooks);
    count_forwards(context, 3 * context.model->config().layers);
    for (auto& losses : table.loss) {
      for (auto& loss : losses) loss /= static_cast<double>(group.plan.rows());
    }
    rank_by_loss(context, table);
    return table;
  }

 private:
  /// W_q - W in the compute dtype, by unit and candidate.
  using WeightErrors = std::map<std::pair<size_t, size_t>, at::Tensor>;

  static const SequenceGroup& probed_task(const ScoreContext& context) {
    for (const auto& group : context.groups) {
      if (group.probe && !group.text) return group;
    }
    fail(ErrorCode::Usage, "grad: there are no task prompts to probe");
  }

  /// Of all groups, kept as --max-memory allows: blocks come last to first.
  static std::vector<GroupHidden> block_inputs(const ScoreContext& context) {
    const Model& model = *context.model;
    std::vector<GroupHidden> inputs{embed_groups(model, context.groups, *context.memory)};
    for (int64_t index = 0; index + 1 < model.config().layers; ++index) {
      const DecoderBlock block = model.load_block(index);
      GroupHidden output;
      for (size_t g = 0; g < context.groups.size(); ++g) {
        const at::Tensor& input = inputs.back()[g];
        output.push_back(
            context.memory->allocate(input.size(0), input.size(1), input.scalar_type()));
        forward_all(model.config(), block, context.groups[g].plan, input, output[g]);
      }
      inputs.push_back(std::move(output));
    }
    count_forwards(context, model.config().layers - 1);
    return inputs;
  }

  static void add(const ScoreContext& context, const WeightErrors& errors,
                  const StageGradients& shown, ScoreTable& table) {
    for (const auto& [place, error] : errors) {
      const Unit& unit = context.units[place.first].unit;
      if (unit.stage != shown.stage) continue;
      const at::Tensor gradient = at::cat(pick(shown.gradients, unit.linears), 1);
      const auto moved = at::mm(shown.input, error.t()) * gradient;
      table.loss[place.first][place.second] +=
          moved.sum(1, false, at::kDouble).square().sum().item<double>();
    }
  }
};

MPQ_REGISTER(Scorer, Grad, "grad",
             "squared first-order change of the loss, one backward pass for all candidates");

}  // namespace
}  // namespace mpq
