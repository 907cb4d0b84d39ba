// Walks the blocks once, trying all candidates of each unit from the block's cached stage states.
#include "mpq/score/candidate_walk.h"

#include <ATen/ATen.h>

#include "mpq/calib/block_error.h"
#include "mpq/calib/stage_inputs.h"
#include "mpq/core/log.h"
#include "mpq/model/fold.h"
#include "mpq/quant/quantize_unit.h"

namespace mpq {
namespace {

template <class T>
std::vector<T> pick(const std::vector<T>& all, const std::vector<size_t>& indices) {
  std::vector<T> picked;
  for (const size_t index : indices) picked.push_back(all[index]);
  return picked;
}

GroupHidden residuals(const GroupStates& states) {
  GroupHidden hidden;
  for (const auto& state : states) hidden.push_back(state.residual);
  return hidden;
}

class CandidateWalk {
 public:
  CandidateWalk(const ScoreContext& context, const std::string& quantizer, const WalkHooks& hooks)
      : context_(context),
        config_(context.model->config()),
        hooks_(hooks),
        probed_(probed_groups(context)),
        probed_groups_(pick(context.groups, probed_)) {
    for (const auto& unit : context.units) {
      quantizers_.emplace_back();
      for (const auto& spec : unit.candidates) {
        quantizers_.back().push_back(spec == kFullPrecision
                                         ? nullptr
                                         : make_quantizer(substitute_quantizer(spec, quantizer)));
        needs_target_ = needs_target_ || (quantizers_.back().back() != nullptr &&
                                          quantizers_.back().back()->needs().block);
      }
    }
  }

  void run(const std::string& title) {
    GroupHidden hidden = embed_groups(*context_.model, context_.groups, *context_.memory);
    Progress progress(title, config_.layers);
    for (int64_t index = 0; index < config_.layers; ++index) {
      const DecoderBlock block = context_.model->load_block(index);
      if (hooks_.enter) hooks_.enter(index, block);
      if (needs_target_)
        target_ = block_output(config_, block, context_.groups, hidden, *context_.memory);
      GroupStates states = enter_groups(config_, block, context_.groups, hidden, *context_.memory);
      for (int stage = 0; stage < kStages; ++stage) {
        try_stage(block, static_cast<Stage>(stage), states);
        states = advance_groups(config_, block, static_cast<Stage>(stage), context_.groups, states,
                                *context_.memory);
      }
      const GroupHidden output = residuals(states);
      if (hooks_.leave) hooks_.leave(index, pick(hidden, probed_), pick(output, probed_));
      hidden = output;
      progress.step();
    }
  }

 private:
  void try_stage(const DecoderBlock& block, Stage stage, const GroupStates& states) {
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
        if (quantizer->needs().block) {
          problem.block_error =
              block_error({config_, context_.groups, states, target_}, block, unit);
        }
        const at::Tensor scale = foldable_scale(config_, block, stage, problem.scale_dtype,
                                                quantizer->input_scale(problem));
        const at::Tensor dequantized = dequantize(quantize_scaled(*quantizer, problem, scale));
        if (hooks_.weights) hooks_.weights(u, c, dequantized - weight);
        if (hooks_.candidate)
          emit(u, c, with_unit_weight(block, config_, unit, dequantized), stage, states);
      }
    }
  }

  void emit(size_t unit, size_t candidate, const DecoderBlock& block, Stage first,
            const GroupStates& states) {
    GroupStates branch = pick(states, probed_);
    for (int stage = static_cast<int>(first); stage < kStages; ++stage) {
      branch = advance_groups(config_, block, static_cast<Stage>(stage), probed_groups_, branch,
                              *context_.memory);
    }
    hooks_.candidate({unit, candidate, &block, residuals(branch)});
  }

  const ScoreContext& context_;
  const ModelConfig& config_;
  const WalkHooks& hooks_;
  std::vector<size_t> probed_;
  std::vector<SequenceGroup> probed_groups_;
  std::vector<std::vector<std::unique_ptr<Quantizer>>> quantizers_;
  bool needs_target_ = false;
  GroupHidden target_;  // the block's full-precision output, for quantizers that train on it
};

}  // namespace

void walk_candidates(const ScoreContext& context, const std::string& quantizer,
                     const WalkHooks& hooks, const std::string& stage_title) {
  CandidateWalk(context, quantizer, hooks).run(stage_title);
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
