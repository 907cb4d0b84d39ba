// Stage by stage through a block.
#include "mpq/calib/quantize_block.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "mpq/calib/block_training.h"
#include "mpq/calib/stage_inputs.h"
#include "mpq/model/fold.h"
#include "mpq/quant/quantize_unit.h"

namespace mpq {
namespace {

/// What any quantizer of a block must see.
InputNeeds block_needs(const std::vector<PlannedUnit>& planned, int64_t block) {
  InputNeeds all;
  for (const auto& [unit, quantizer] : planned) {
    if (unit.block == block && quantizer != nullptr) all = both(all, quantizer->needs());
  }
  return all;
}

/// Whether more than the block's own inputs is needed before learning.
bool sees_inputs(const InputNeeds& needs) { return needs.hessian || needs.ranges; }

class BlockQuantizer {
 public:
  BlockQuantizer(const BlockTask& task, DecoderBlock& block, MemoryBudget& memory)
      : task_(task), block_(block), memory_(memory) {
    for (size_t i = 0; i < task.planned.size(); ++i) {
      if (task.planned[i].unit.block == block.index) own_.push_back(i);
    }
  }

  std::map<size_t, QuantizedLinear> run(GroupHidden& hidden) {
    learn(hidden);
    hidden = walk(hidden,
                  [&](Stage stage, const GroupStates& states) { quantize_stage(stage, states); });
    return std::move(result_);
  }

 private:
  bool learns(size_t planned) const {
    const auto& quantizer = task_.planned[planned].quantizer;
    return quantizer != nullptr && quantizer->needs().steps > 0;
  }

  /// From stage to stage of the block as it stands; returns its output.
  template <class Visit>
  GroupHidden walk(const GroupHidden& hidden, Visit visit) {
    GroupStates states;
    if (!hidden.empty()) states = enter_groups(task_.config, block_, task_.groups, hidden, memory_);
    for (int stage = 0; stage < kStages; ++stage) {
      visit(static_cast<Stage>(stage), states);
      if (!hidden.empty()) {
        states = advance_groups(task_.config, block_, static_cast<Stage>(stage), task_.groups,
                                states, memory_);
      }
    }
    if (task_.spent != nullptr && !hidden.empty()) ++task_.spent->block_forwards;
    GroupHidden output;
    for (auto& state : states) output.push_back(state.residual);
    return output;
  }

  /// The units that learn, together and before the others, which then make up for their errors.
  void learn(const GroupHidden& hidden) {
    const InputNeeds needs = block_needs(task_.planned, block_.index);
    if (needs.steps == 0) return;
    require(task_.target != nullptr, ErrorCode::Internal, "block {}: learning needs a target",
            block_.index);
    std::vector<size_t> indices;
    std::vector<LearningUnit> units;
    walk(sees_inputs(needs) ? hidden : GroupHidden{}, [&](Stage stage, const GroupStates& states) {
      StageInputs inputs(task_.groups, states, task_.text_share, task_.fisher);
      for (const size_t i : own_) {
        const auto& [unit, quantizer] = task_.planned[i];
        if (unit.stage != stage || !learns(i)) continue;
        const at::Tensor scale = stage_scale(stage, inputs);
        const QuantProblem problem =
            scaled_problem(describe(unit, quantizer->needs(), inputs), scale);
        indices.push_back(i);
        units.push_back({unit, quantizer->learn(problem), quantizer->needs().steps, scale});
      }
    });
    const BlockReconstruction reconstruction{task_.config, task_.groups, hidden, *task_.target,
                                             task_.text_share};
    auto learned = train_block(reconstruction, block_, units, task_.spent);
    for (size_t u = 0; u < units.size(); ++u) place(indices[u], std::move(learned[u]));
  }

  void place(size_t planned, QuantizedLinear quantized) {
    const Unit& unit = task_.planned[planned].unit;
    validate(quantized, unit.name);
    block_ = with_unit_weight(block_, task_.config, unit, dequantize(quantized));
    result_.emplace(planned, std::move(quantized));
  }

  QuantProblem describe(const Unit& unit, const InputNeeds& needs, StageInputs& inputs) const {
    QuantProblem problem{.name = unit.name,
                         .weight = stacked_weight(block_, unit),
                         .scale_dtype = task_.stored_dtype};
    inputs.describe(unit, needs, problem);
    return problem;
  }

  /// One decision for all linears that read the stage's input: that of the first quantizer that
  /// scales inputs, over the stage's weights together. None where a linear stays at full precision,
  /// since its weight would have to be rounded again.
  at::Tensor stage_scale(Stage stage, StageInputs& inputs) {
    auto& known = scales_[static_cast<size_t>(stage)];
    if (!known) known = choose_scale(stage, inputs);
    return *known;
  }

  at::Tensor choose_scale(Stage stage, StageInputs& inputs) const {
    Unit whole;
    whole.block = block_.index;
    const Quantizer* decides = nullptr;
    for (const size_t i : own_) {
      const auto& [unit, quantizer] = task_.planned[i];
      if (unit.stage != stage) continue;
      if (quantizer == nullptr) return {};
      whole.name = unit.name;
      whole.linears.insert(whole.linears.end(), unit.linears.begin(), unit.linears.end());
      if (decides == nullptr && quantizer->needs().ranges) decides = quantizer.get();
    }
    if (decides == nullptr || !input_producer(task_.config, stage)) return {};
    const QuantProblem problem = describe(whole, decides->needs(), inputs);
    return foldable_scale(task_.config, block_, stage, problem.scale_dtype,
                          decides->input_scale(problem));
  }

  void quantize_stage(Stage stage, const GroupStates& states) {
    StageInputs inputs(task_.groups, states, task_.text_share, task_.fisher);
    for (const size_t i : own_) {
      const auto& [unit, quantizer] = task_.planned[i];
      if (unit.stage != stage || quantizer == nullptr || learns(i)) continue;
      const at::Tensor scale = stage_scale(stage, inputs);
      place(i, quantize_scaled(*quantizer, describe(unit, quantizer->needs(), inputs), scale));
    }
  }

  const BlockTask& task_;
  DecoderBlock& block_;
  MemoryBudget& memory_;
  std::vector<size_t> own_;  // indices in task_.planned of this block's units
  std::array<std::optional<at::Tensor>, kStages> scales_;  // of the stages, once chosen
  std::map<size_t, QuantizedLinear> result_;
};

}  // namespace

InputNeeds needs_of(const std::vector<PlannedUnit>& planned) {
  InputNeeds all;
  for (const auto& [unit, quantizer] : planned) {
    if (quantizer != nullptr) all = both(all, quantizer->needs());
  }
  return all;
}

QuantizeCost quantize_cost(const std::vector<PlannedUnit>& planned) {
  std::set<int64_t> blocks;
  for (const auto& [unit, quantizer] : planned) blocks.insert(unit.block);
  QuantizeCost cost;
  for (const int64_t block : blocks) {
    const InputNeeds needs = block_needs(planned, block);
    ++cost.block_forwards;
    if (needs.steps == 0) continue;
    cost.block_forwards += sees_inputs(needs) ? 3 : 2;  // the inputs; the errors before and after
    cost.training_steps += needs.steps;
  }
  return cost;
}

std::map<size_t, QuantizedLinear> quantize_block(const BlockTask& task, DecoderBlock& block,
                                                 GroupHidden& hidden, MemoryBudget& memory) {
  return BlockQuantizer(task, block, memory).run(hidden);
}

}  // namespace mpq
