// One forward and one backward pass of the block a step.
#include "mpq/calib/block_training.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "mpq/core/progress.h"

namespace mpq {
namespace {

/// In a batch of task and of text: the wanted share over the share of the tokens.
struct KindWeights {
  double task = 1, text = 1;
};

KindWeights kind_weights(const std::vector<SequenceGroup>& groups, double text_share) {
  double task = 0;
  double text = 0;
  for (const auto& group : groups) {
    (group.text ? text : task) += static_cast<double>(group.plan.rows());
  }
  if (task == 0 || text == 0) return {};
  return {(1 - text_share) * (task + text) / task, text_share * (task + text) / text};
}

/// float32 [out, in] for inputs that no scale divides.
at::Tensor weight_of(const LearningUnit& unit) {
  const at::Tensor weight = unit.linear->weight();
  return unit.scale.defined() ? weight / unit.scale : weight;
}

/// One step of all units whose steps are not over; the others keep their last weights.
void train_step(const BlockError& error, const DecoderBlock& block,
                const std::vector<LearningUnit>& units, int step) {
  DecoderBlock changed = block;
  std::vector<at::Tensor> weights;
  for (const auto& unit : units) {
    weights.push_back(weight_of(unit));
    if (weights.back().requires_grad()) weights.back().retain_grad();
    changed = with_unit_weight(changed, unit.unit, weights.back());
  }
  at::Tensor loss = error(changed, step);
  std::vector<bool> regular(units.size(), false);
  for (size_t u = 0; u < units.size(); ++u) {
    if (step >= units[u].steps) continue;
    const at::Tensor regulariser = units[u].linear->regulariser(step);
    regular[u] = regulariser.defined();
    if (regular[u]) loss = loss + regulariser;
  }
  loss.backward();
  count_products(2 * error.rows(step) * block_products(*block.config));
  for (size_t u = 0; u < units.size(); ++u) {
    // An expert that no token of the batch chose has no gradient.
    if (step < units[u].steps && (regular[u] || weights[u].grad().defined()))
      units[u].linear->step(step);
  }
}

std::vector<QuantizedLinear> codes_of(const std::vector<LearningUnit>& units) {
  std::vector<QuantizedLinear> codes;
  for (const auto& unit : units) {
    codes.push_back(unit.linear->rounded());
    codes.back().input_scale = unit.scale;
  }
  return codes;
}

double error_with(const BlockError& error, const DecoderBlock& block,
                  const std::vector<LearningUnit>& units,
                  const std::vector<QuantizedLinear>& codes) {
  DecoderBlock changed = block;
  for (size_t i = 0; i < units.size(); ++i)
    changed = with_unit_weight(changed, units[i].unit, dequantize(codes[i]));
  return error.sum(changed);
}

}  // namespace

BlockError::BlockError(const BlockReconstruction& reconstruction) : given_(reconstruction) {
  const KindWeights weights = kind_weights(given_.groups, given_.text_share);
  for (size_t g = 0; g < given_.groups.size(); ++g) {
    for (const Batch& batch : given_.groups[g].plan.batches())
      batches_.push_back({g, &batch, given_.groups[g].text ? weights.text : weights.task});
  }
}

int64_t BlockError::rows(int64_t step) const {
  return batches_[static_cast<size_t>(step) % batches_.size()].batch->rows;
}

at::Tensor BlockError::operator()(const DecoderBlock& block, int64_t step) const {
  const Part& part = batches_[static_cast<size_t>(step) % batches_.size()];
  const auto rows = [&](const Streams& hidden) { return rows_of(hidden[part.group], *part.batch); };
  const at::Tensor output = forward_block(block, part.batch->runs, rows(given_.input));
  return (output.to(at::kFloat) - rows(given_.target).to(at::kFloat)).square().sum() *
         (part.weight / static_cast<double>(part.batch->rows));
}

double BlockError::sum(const DecoderBlock& block) const {
  const at::NoGradGuard no_gradients;
  double total = 0;
  for (int64_t step = 0; step < batches(); ++step) total += (*this)(block, step).item<double>();
  return total;
}

int64_t training_products(const BlockConfig& config, const std::vector<SequenceGroup>& groups,
                          int64_t steps) {
  std::vector<int64_t> rows;
  for (const auto& group : groups) {
    for (const Batch& batch : group.plan.batches()) rows.push_back(batch.rows);
  }
  int64_t all = 2 * total_rows(groups);  // the errors before and after
  for (int64_t step = 0; step < steps; ++step)
    all += 3 * rows[static_cast<size_t>(step) % rows.size()];
  return all * block_products(config);
}

std::vector<QuantizedLinear> train_block(const BlockReconstruction& reconstruction,
                                         const DecoderBlock& block,
                                         const std::vector<LearningUnit>& units,
                                         int64_t* spent_steps) {
  const BlockError error(reconstruction);
  int steps = 0;
  for (const auto& unit : units) steps = std::max(steps, unit.steps);
  const auto start = codes_of(units);
  {
    const at::AutoGradMode gradients(true);
    for (int step = 0; step < steps; ++step) {
      check_interrupt();
      train_step(error, block, units, step);
      if (spent_steps != nullptr) ++*spent_steps;
    }
  }
  auto learned = codes_of(units);
  const double before = error_with(error, block, units, start);
  const double after = error_with(error, block, units, learned);
  log_debug("block {}: {} steps took its error from {:.4g} to {:.4g}", block.index, steps, before,
            after);
  return after < before ? learned : start;
}

}  // namespace mpq
