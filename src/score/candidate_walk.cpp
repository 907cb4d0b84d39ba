// Walks the blocks once, trying all candidates of each unit from the block's cached stage states.
#include "mpq/score/candidate_walk.h"

#include <ATen/ATen.h>

#include "mpq/calib/block_training.h"
#include "mpq/calib/stage_inputs.h"
#include "mpq/calib/walk_state.h"
#include "mpq/core/error.h"
#include "mpq/core/log.h"
#include "mpq/model/fold.h"
#include "mpq/quant/quantize_unit.h"
#include "mpq/score/finished_blocks.h"

namespace mpq {
namespace {

GroupHidden residuals(const GroupStates& states) {
  GroupHidden hidden;
  for (const auto& state : states) hidden.push_back(state.residual);
  return hidden;
}

}  // namespace

CandidateTrials::CandidateTrials(const ScoreContext& context, const std::string& quantizer,
                                 const WalkHooks& hooks)
    : context_(context),
      hooks_(hooks),
      probed_(probed_groups(context)),
      probed_groups_(pick(context.groups, probed_)) {
  for (const auto& unit : context.units) {
    quantizers_.emplace_back();
    for (const auto& spec : unit.candidates) {
      quantizers_.back().push_back(
          spec == kFullPrecision ? nullptr : make_quantizer(substitute_quantizer(spec, quantizer)));
      needs_target_ = needs_target_ || (quantizers_.back().back() != nullptr &&
                                        quantizers_.back().back()->needs().steps > 0);
    }
  }
}

GroupHidden CandidateTrials::run_block(const DecoderBlock& block, const GroupHidden& input) {
  const ModelConfig& config = context_.model->config();
  if (hooks_.enter) hooks_.enter(block, pick(input, probed_));
  if (needs_target_)
    target_ = block_output(config, block, context_.groups, input, *context_.memory);
  GroupStates states = enter_groups(config, block, context_.groups, input, *context_.memory);
  for (int stage = 0; stage < kStages; ++stage) {
    try_stage(block, static_cast<Stage>(stage), input, states);
    states = advance_groups(config, block, static_cast<Stage>(stage), context_.groups, states,
                            *context_.memory);
  }
  count_forwards(context_, 1);
  GroupHidden output = residuals(states);
  if (hooks_.leave) hooks_.leave(block.index, pick(input, probed_), pick(output, probed_));
  return output;
}

QuantizedLinear CandidateTrials::learn(const Quantizer& quantizer, const DecoderBlock& block,
                                       const Unit& unit, const QuantProblem& problem,
                                       const at::Tensor& scale, const GroupHidden& input) const {
  std::vector<LearningUnit> units;
  units.push_back(
      {unit, quantizer.learn(scaled_problem(problem, scale)), quantizer.needs().steps, scale});
  const BlockReconstruction reconstruction{context_.model->config(), context_.groups, input,
                                           target_, context_.text_share};
  return std::move(train_block(reconstruction, block, units).front());
}

void CandidateTrials::try_stage(const DecoderBlock& block, Stage stage, const GroupHidden& input,
                                const GroupStates& states) {
  const ModelConfig& config = context_.model->config();
  StageInputs inputs(context_.groups, states, context_.text_share, context_.fisher);
  for (size_t u = 0; u < context_.units.size(); ++u) {
    const Unit& unit = context_.units[u].unit;
    if (unit.block != block.index || unit.stage != stage) continue;
    const at::Tensor weight = stacked_weight(block, unit);
    for (size_t c = 0; c < quantizers_[u].size(); ++c) {
      const auto& quantizer = quantizers_[u][c];
      if (quantizer == nullptr) continue;
      QuantProblem problem{
          .name = unit.name, .weight = weight, .scale_dtype = context_.scale_dtype};
      inputs.describe(unit, quantizer->needs(), problem);
      const at::Tensor scale = foldable_scale(config, block, stage, problem.scale_dtype,
                                              quantizer->input_scale(problem));
      const at::Tensor dequantized = dequantize(
          quantizer->needs().steps > 0 ? learn(*quantizer, block, unit, problem, scale, input)
                                       : quantize_scaled(*quantizer, problem, scale));
      if (context_.spent != nullptr) ++context_.spent->quantizations;
      if (hooks_.weights) hooks_.weights(u, c, dequantized - weight);
      if (hooks_.candidate)
        show_output(u, c, with_unit_weight(block, config, unit, dequantized), stage, states);
    }
  }
}

void CandidateTrials::show_output(size_t unit, size_t candidate, const DecoderBlock& block,
                                  Stage first, const GroupStates& states) {
  GroupStates branch = pick(states, probed_);
  for (int stage = static_cast<int>(first); stage < kStages; ++stage) {
    branch = advance_groups(context_.model->config(), block, static_cast<Stage>(stage),
                            probed_groups_, branch, *context_.memory);
  }
  count_forwards(context_, 1);
  hooks_.candidate({unit, candidate, residuals(branch)});
}

void walk_candidates(const ScoreContext& context, const std::string& quantizer,
                     const WalkHooks& hooks, const std::string& title, ScoreTable& table) {
  const ModelConfig& config = context.model->config();
  CandidateTrials trials(context, quantizer, hooks);
  const WalkState state(
      context.finished_folder.empty() ? "" : context.finished_folder + "/hidden.safetensors");
  GroupHidden hidden;
  const int64_t first = state.restore(config, rows_of(context.groups), hidden, *context.memory);
  if (first == 0) hidden = embed_groups(*context.model, context.groups, *context.memory);
  Progress progress(title, config.layers);
  for (int64_t index = 0; index < config.layers; ++index) {
    const bool known = restore_block(context, index, table);
    require(known || index >= first, ErrorCode::Format,
            "{}: block {} is missing; delete the folder", context.finished_folder, index);
    if (index >= first) {
      const DecoderBlock block = context.model->load_block(index);
      if (known) {  // killed before its output was kept
        for (size_t g = 0; g < hidden.size(); ++g)
          forward_all(config, block, context.groups[g].plan, hidden[g], hidden[g]);
        count_forwards(context, 1);
      } else {
        hidden = trials.run_block(block, hidden);
        keep_block(context, index, table);
        log_debug("{}: block {} done", title, index);
      }
      state.keep(index + 1, hidden);
    }
    progress.step();
  }
  state.clear();
}

void count_forwards(const ScoreContext& context, int64_t block_forwards) {
  if (context.spent != nullptr) context.spent->block_forwards += block_forwards;
}

DecoderBlock with_difference(const ScoreContext& context, const DecoderBlock& block, size_t unit,
                             const at::Tensor& difference) {
  const Unit& changed = context.units[unit].unit;
  return with_unit_weight(block, context.model->config(), changed,
                          stacked_weight(block, changed) + difference);
}

std::vector<size_t> probed_groups(const ScoreContext& context) {
  std::vector<size_t> indices;
  for (size_t i = 0; i < context.groups.size(); ++i) {
    if (context.groups[i].probe) indices.push_back(i);
  }
  return indices;
}

std::string substitute_quantizer(const std::string& spec, const std::string& quantizer) {
  if (quantizer.empty()) return spec;
  const Spec given = parse_spec(spec);
  Spec result = parse_spec(quantizer);
  for (const char* key : {"bits", "group", "sym"}) {
    const std::string* value = given.find(key);
    if (value != nullptr && result.find(key) == nullptr) result.set(key, *value);
  }
  return to_string(result);
}

int64_t count_candidates(const ScoreContext& context) {
  int64_t count = 0;
  for (const auto& unit : context.units) {
    for (const auto& spec : unit.candidates) count += spec == kFullPrecision ? 0 : 1;
  }
  return count;
}

}  // namespace mpq
