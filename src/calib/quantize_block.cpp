// Stage by stage through a block.
#include "mpq/calib/quantize_block.h"

#include <ATen/ATen.h>

#include <array>
#include <optional>
#include <set>

#include "mpq/calib/block_training.h"
#include "mpq/calib/stage_aim.h"
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

/// The groups from stage to stage of a block, as it stands at each.
class StageWalk {
 public:
  /// Nothing moves when `hidden` is empty. Counts its pass.
  StageWalk(const BlockTask& task, const DecoderBlock& block, const GroupHidden& hidden,
            MemoryBudget& memory)
      : task_(task), block_(block), memory_(memory) {
    if (hidden.empty()) return;
    states_ = enter_groups(task.config, block, task.groups, hidden, memory);
    if (task.spent != nullptr) ++task.spent->block_forwards;
  }
  const GroupStates& states() const { return states_; }
  void advance(Stage stage) {
    if (states_.empty()) return;
    states_ = advance_groups(task_.config, block_, stage, task_.groups, states_, memory_);
  }
  /// After the last stage.
  GroupHidden output() const {
    GroupHidden output;
    for (const auto& state : states_) output.push_back(state.residual);
    return output;
  }

 private:
  const BlockTask& task_;
  const DecoderBlock& block_;
  MemoryBudget& memory_;
  GroupStates states_;
};

class BlockQuantizer {
 public:
  BlockQuantizer(const BlockTask& task, DecoderBlock& block, MemoryBudget& memory)
      : task_(task),
        block_(block),
        full_(block),
        memory_(memory),
        needs_(block_needs(task.planned, block.index)) {
    for (size_t i = 0; i < task.planned.size(); ++i) {
      if (task.planned[i].unit.block == block.index) own_.push_back(i);
    }
  }

  std::map<size_t, QuantizedLinear> run(BlockStreams& streams) {
    require(!needs_.full() || !streams.full.empty(), ErrorCode::Internal,
            "block {}: its full-precision inputs are not there", block_.index);
    GroupHidden full_output;
    if (needs_.steps > 0 || !needs_.aim) full_output = full_walk(streams.full);
    if (needs_.steps > 0) learn(streams.quantized, full_output);
    StageWalk own(task_, block_, streams.quantized, memory_);
    StageWalk full(task_, full_, needs_.aim ? streams.full : GroupHidden{}, memory_);
    for (int i = 0; i < kStages; ++i) {
      const auto stage = static_cast<Stage>(i);
      quantize_stage(stage, own.states(), full.states());
      own.advance(stage);
      full.advance(stage);
    }
    streams.quantized = own.output();
    streams.full = needs_.aim ? full.output() : std::move(full_output);
    return std::move(result_);
  }

 private:
  bool learns(size_t planned) const {
    const auto& quantizer = task_.planned[planned].quantizer;
    return quantizer != nullptr && quantizer->needs().steps > 0;
  }

  GroupHidden full_walk(const GroupHidden& hidden) const {
    StageWalk walk(task_, full_, hidden, memory_);
    for (int stage = 0; stage < kStages; ++stage) walk.advance(static_cast<Stage>(stage));
    return walk.output();
  }

  /// The units that learn, together and before the others, which then make up for their errors.
  void learn(const GroupHidden& hidden, const GroupHidden& target) {
    std::vector<size_t> indices;
    std::vector<LearningUnit> units;
    StageWalk walk(task_, full_, sees_inputs(needs_) ? hidden : GroupHidden{}, memory_);
    for (int i = 0; i < kStages; ++i) {
      const auto stage = static_cast<Stage>(i);
      StageInputs inputs(task_.groups, walk.states(), task_.text_share, task_.fisher);
      for (const size_t own : own_) {
        const auto& [unit, quantizer] = task_.planned[own];
        if (unit.stage != stage || !learns(own)) continue;
        const at::Tensor scale = stage_scale(stage, inputs);
        const QuantProblem problem =
            scaled_problem(describe(unit, quantizer->needs(), inputs), scale);
        indices.push_back(own);
        units.push_back({unit, quantizer->learn(problem), quantizer->needs().steps, scale});
      }
      walk.advance(stage);
    }
    const BlockReconstruction reconstruction{task_.config, task_.groups, hidden, target,
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

  void quantize_stage(Stage stage, const GroupStates& states, const GroupStates& full) {
    StageInputs inputs(task_.groups, states, task_.text_share, task_.fisher);
    StageAim aim(task_.groups, states, full, task_.text_share,
                 adds_to_residual(task_.config, stage));
    for (const size_t i : own_) {
      const auto& [unit, quantizer] = task_.planned[i];
      if (unit.stage != stage || quantizer == nullptr || learns(i)) continue;
      const at::Tensor scale = stage_scale(stage, inputs);
      QuantProblem problem = describe(unit, quantizer->needs(), inputs);
      if (quantizer->needs().aim) problem.weight = aim.weight(problem);
      place(i, quantize_scaled(*quantizer, std::move(problem), scale));
    }
  }

  const BlockTask& task_;
  DecoderBlock& block_;
  const DecoderBlock full_;
  MemoryBudget& memory_;
  const InputNeeds needs_;
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
  const bool full = needs_of(planned).full();
  std::set<int64_t> blocks;
  for (const auto& [unit, quantizer] : planned) blocks.insert(unit.block);
  QuantizeCost cost;
  for (const int64_t block : blocks) {
    const InputNeeds needs = block_needs(planned, block);
    cost.block_forwards += full ? 2 : 1;
    cost.training_steps += needs.steps;
    if (needs.steps == 0) continue;
    cost.block_forwards += 2;  // the errors before and after
    if (sees_inputs(needs)) ++cost.block_forwards;
    if (needs.aim) ++cost.block_forwards;  // again, stage by stage
  }
  return cost;
}

std::map<size_t, QuantizedLinear> quantize_block(const BlockTask& task, DecoderBlock& block,
                                                 BlockStreams& streams, MemoryBudget& memory) {
  return BlockQuantizer(task, block, memory).run(streams);
}

}  // namespace mpq
