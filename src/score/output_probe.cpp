// Carries perturbed states from their block to the output, a block's worth at a time.
#include "mpq/score/output_probe.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "mpq/core/error.h"
#include "mpq/model/block_loop.h"

namespace mpq {
namespace {

/// Once: every loss is a distance to this output.
void check_reference(const Model& model, const at::Tensor& output) {
  const int64_t rows = std::min(output.size(0), logit_rows(model));
  const bool finite =
      at::isfinite(output).all().item<bool>() &&
      at::isfinite(model.logits(output.narrow(0, 0, rows).to(model.device()))).all().item<bool>();
  require(
      finite, ErrorCode::Numeric,
      "{}: the model's own output on the task holds NaN or infinity, so nothing can be compared "
      "with it; try --dtype float32, or check the checkpoint",
      model.folder());
}

}  // namespace

OutputProbe::OutputProbe(const ScoreContext& context, const OutputProbeOptions& options)
    : context_(context), options_(options) {
  for (const auto& group : context.groups) {
    if (!group.probe) continue;
    const double weight = group.text ? options.text_weight : 1;
    at::Tensor output;
    if (weight > 0) {
      output = forward_model(*context.model, group.plan, *context.memory);
      check_reference(*context.model, output);
    }
    probed_.push_back({&group, weight, output});
  }
}

int64_t OutputProbe::products(const ScoreContext& context, double text_weight, int64_t block) {
  const ModelConfig& config = context.model->config();
  return probed_rows(context, text_weight) * model_products(config, block + 1);
}

void OutputProbe::advance(const DecoderBlock& block, Streams& states) const {
  for (size_t i = 0; i < states.size(); ++i) {
    const ProbedGroup& probed = probed_[i % probed_.size()];
    if (probed.weight > 0) forward_all(block, probed.group->plan, states[i], states[i]);
  }
}

at::Tensor OutputProbe::measured(const ProbedGroup& probed, const at::Tensor& hidden) const {
  const SequenceGroup& group = *probed.group;
  return options_.last_token ? hidden.index_select(0, group.plan.last_rows())
                             : group.scored(hidden);
}

std::vector<at::Tensor> OutputProbe::output_kl(const ProbedGroup& probed,
                                               const std::vector<at::Tensor>& hidden,
                                               const at::Tensor& head) const {
  const Model& model = *context_.model;
  const at::Tensor reference = measured(probed, probed.output);
  const int64_t rows = reference.size(0);
  std::vector<at::Tensor> kl(hidden.size());
  for (auto& values : kl) values = at::empty({rows}, at::kFloat);
  // The reference logits are computed once per chunk of rows, for all states.
  const int64_t step = logit_rows(model);
  for (int64_t begin = 0; begin < rows; begin += step) {
    const int64_t count = std::min(step, rows - begin);
    const auto chunk = [&](const at::Tensor& states) {
      return states.narrow(0, begin, count).to(model.device());
    };
    const auto expected = model.logits(chunk(reference)) / options_.temperature;
    for (size_t i = 0; i < hidden.size(); ++i) {
      const at::Tensor states = chunk(measured(probed, hidden[i]));
      const at::Tensor logits = head.defined() ? model.logits(states, head) : model.logits(states);
      kl[i].narrow(0, begin, count).copy_(kl_rows(expected, logits / options_.temperature));
    }
  }
  return kl;
}

Streams OutputProbe::outputs() const {
  Streams outputs;
  for (const auto& probed : probed_) outputs.push_back(probed.output);
  return outputs;
}

std::vector<OutputProbe::GroupKl> OutputProbe::divergences(int64_t block,
                                                           std::vector<Streams> perturbed,
                                                           const at::Tensor& head) const {
  Streams all;
  for (const auto& state : perturbed) all.insert(all.end(), state.begin(), state.end());
  for_each_block(*context_.model, {.first = block + 1}, all,
                 [&](const DecoderBlock& later, Streams& states) { advance(later, states); });
  std::vector<GroupKl> result(perturbed.size(), GroupKl(probed_.size()));
  for (size_t g = 0; g < probed_.size(); ++g) {
    if (probed_[g].weight == 0) continue;
    std::vector<at::Tensor> hidden;
    hidden.reserve(perturbed.size());
    for (const auto& state : perturbed) hidden.push_back(state[g]);
    const auto kl = output_kl(probed_[g], hidden, head);
    for (size_t i = 0; i < kl.size(); ++i) result[i][g] = kl[i];
  }
  return result;
}

MeanWithError OutputProbe::loss(const GroupKl& kl) const {
  MeanWithError sum{.stderr_ = 0};
  for (size_t g = 0; g < probed_.size(); ++g) {
    const auto& [group, weight, output] = probed_[g];
    if (weight == 0) continue;
    const int64_t sequences = group->plan.sequences();
    const auto sequence = options_.last_token ? at::arange(sequences, at::kLong)
                                              : group->scored(group->plan.sequence_of_row());
    const MeanWithError mean = mean_over_tokens(kl[g], sequence, sequences);
    sum.mean += weight * mean.mean;
    sum.stderr_ = std::hypot(sum.stderr_, weight * mean.stderr_);
    sum.tokens += mean.tokens;
  }
  return sum;
}

std::vector<MeanWithError> OutputProbe::losses(int64_t block,
                                               std::vector<Streams> perturbed) const {
  std::vector<MeanWithError> losses;
  for (const auto& kl : divergences(block, std::move(perturbed))) losses.push_back(loss(kl));
  return losses;
}

void ProbedCandidates::add(CandidateOutput output) {
  places_.emplace_back(output.unit, output.candidate);
  hidden_.push_back(std::move(output.hidden));
}

void ProbedCandidates::measure(const OutputProbe& probe, int64_t block, ScoreTable& table) {
  const auto losses = probe.losses(block, std::move(hidden_));
  for (size_t i = 0; i < places_.size(); ++i) {
    const auto [unit, candidate] = places_[i];
    table.loss[unit][candidate] = losses[i].mean;
    table.loss_stderr[unit][candidate] = losses[i].stderr_;
  }
  hidden_.clear();
  places_.clear();
}

}  // namespace mpq
