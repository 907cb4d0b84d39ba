// Sensitivity from gradients: what a unit's rounding error moves the loss by, to second order, from
// one backward pass for all units and candidates (methods.md, 1.5).
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "mpq/calib/backward.h"
#include "mpq/calib/kept_gradients.h"
#include "mpq/core/error.h"
#include "mpq/model/divergence.h"
#include "mpq/model/row_chunks.h"
#include "mpq/score/candidate_walk.h"
#include "mpq/score/loss_table.h"

namespace mpq {
namespace {

/// What linears that share their input read in one batch, and the gradients by their outputs.
struct SharedInput {
  at::Tensor rows;  // int64: the group's rows; undefined: all of the batch
  const Batch* batch = nullptr;
  at::Tensor input;                // [rows, in]
  std::vector<Streams> gradients;  // [draw][linear of the block], [rows, out]
};
/// A stage, and LinearInfo::reads.
using InputPlace = std::pair<Stage, int64_t>;

/// A probed group, and what is known of the resident block there.
struct Probed {
  size_t place = 0;  // among the probed groups
  const SequenceGroup* group = nullptr;
  double weight = 1;
  KeptGradients stream;
  std::map<InputPlace, std::vector<SharedInput>> inputs{};  // by batch
};

/// Adds what a difference of the weights [out, in] of linears that share an input changes the loss
/// by: by draw and row.
void add_changes(const SharedInput& shared, const std::vector<size_t>& linears,
                 const at::Tensor& moving, Streams& changes) {
  const at::Tensor moved = at::mm(shared.input, moving);
  const auto draws = static_cast<int64_t>(changes.size());
  const auto wide = moved.options().dtype(wide_dtype(moved.scalar_type()));
  const auto change = by_row_chunks(moved.size(0), draws, wide, [&](int64_t first, int64_t count) {
    const auto rows = moved.narrow(0, first, count).to(wide.dtype());
    Streams sums;
    for (const Streams& gradients : shared.gradients) {
      sums.push_back(at::zeros({count}, wide));
      int64_t column = 0;
      for (const size_t index : linears) {
        const auto gradient = gradients[index].narrow(0, first, count);
        sums.back().add_(at::mul(rows.narrow(1, column, gradient.size(1)), gradient).sum(1));
        column += gradient.size(1);
      }
    }
    return at::stack(sums, 1);
  });
  for (int64_t draw = 0; draw < draws; ++draw) {
    at::Tensor& sum = changes[static_cast<size_t>(draw)];
    if (shared.rows.defined()) {
      sum.index_add_(0, shared.rows, change.select(1, draw).to(at::kDouble));
    } else {
      rows_of(sum, *shared.batch).add_(change.select(1, draw));
    }
  }
}

/// Squared change of the loss that a difference of a unit's weight makes, float64 [rows], as if
/// tokens were independent: for draws the mean over them, halved. Experts of one token change it
/// together.
at::Tensor squared_change(const BlockConfig& config, const Probed& probed, const Unit& unit,
                          const at::Tensor& difference, const BackwardLoss& loss) {
  const int64_t rows = probed.group->plan.rows();
  Streams changes;
  for (int draw = 0; draw < loss.count(); ++draw) changes.push_back(at::zeros({rows}, at::kDouble));
  int64_t row = 0;
  for (const Unit& part : parts_by_input(config, unit)) {
    const LinearInfo& linear = config.linears[part.linears.front()];
    const at::Tensor own = difference.narrow(0, row, part.out);
    row += part.out;
    const auto found = probed.inputs.find({linear.stage, linear.reads});
    if (found == probed.inputs.end()) continue;  // of no token
    const at::Tensor moving = own.to(found->second.front().input.scalar_type()).t();
    for (const auto& shared : found->second) add_changes(shared, part.linears, moving, changes);
  }
  at::Tensor sum = at::zeros({rows}, at::kDouble);
  for (const auto& change : changes) sum.add_(change.square());
  return loss.draws > 0 ? sum.div_(2.0 * loss.draws) : sum;
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
      products += model_gradient_products(config, probed.group->plan.rows(), loss_of(context));
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
        all.push_back({place,
                       &group,
                       weight,
                       {context.model->config(), group.plan.rows(), loss_of(context).count(),
                        folder.empty() ? "" : fmt::format("{}/gradients-{}", folder, place),
                        *context.memory}});
      ++place;
    }
    return all;
  }

  /// Gathers a block's inputs and gradients.
  static void enter(const ScoreContext& context, const DecoderBlock& block, const at::Tensor& input,
                    Probed& probed) {
    const BatchPlan& plan = probed.group->plan;
    const Streams output = probed.stream.take(block.index);
    probed.inputs.clear();
    const auto kept = [&](const at::Tensor& rows, at::ScalarType dtype) {
      at::Tensor copy = context.memory->allocate(rows.size(0), rows.size(1), dtype);
      return copy.copy_(rows);
    };
    const auto gather = [&](const StageGradients& shown) {
      for (const LinearGradient& linear : shown.linears) {
        const LinearInfo& info = block.config->linears[linear.linear];
        auto& batches = probed.inputs[{info.stage, info.reads}];
        if (batches.empty() || batches.back().batch != shown.batch) {
          const auto rows =
              linear.rows.defined() ? linear.rows + shown.batch->first_row : at::Tensor();
          batches.push_back({rows, shown.batch, kept(linear.input, linear.input.scalar_type()),
                             std::vector<Streams>(output.size(), Streams(block.weights.size()))});
        }
        batches.back().gradients[static_cast<size_t>(shown.draw)][linear.linear] =
            kept(linear.gradient, output.front().scalar_type());
      }
    };
    block_gradients(block, plan, input, output, gather);
  }

  void measure(const ScoreContext& context, const std::vector<Probed>& all, size_t unit,
               size_t candidate, const at::Tensor& difference, ScoreTable& table) const {
    for (const auto& probed : all) {
      const MeanWithError mean = mean_of_scored(
          *probed.group,
          squared_change(context.model->config().block(context.units[unit].unit.block), probed,
                         context.units[unit].unit, difference, loss_of(context)));
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
