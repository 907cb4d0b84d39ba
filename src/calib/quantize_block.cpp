// Stage by stage through a block.
#include "mpq/calib/quantize_block.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "mpq/calib/block_error.h"
#include "mpq/calib/stage_inputs.h"
#include "mpq/model/fold.h"
#include "mpq/quant/quantize_unit.h"

namespace mpq {
namespace {

class BlockQuantizer {
 public:
  BlockQuantizer(const BlockTask& task, DecoderBlock& block, MemoryBudget& memory)
      : task_(task), block_(block), memory_(memory) {
    for (size_t i = 0; i < task.planned.size(); ++i) {
      if (task.planned[i].unit.block == block.index) own_.push_back(i);
    }
  }

  std::map<size_t, QuantizedLinear> run(GroupHidden& hidden) {
    if (trains_on_block())
      target_ = block_output(task_.config, block_, task_.groups, hidden, memory_);
    GroupStates states;
    if (!hidden.empty()) states = enter_groups(task_.config, block_, task_.groups, hidden, memory_);
    for (int stage = 0; stage < kStages; ++stage) {
      quantize_stage(static_cast<Stage>(stage), states);
      if (!hidden.empty()) {
        states = advance_groups(task_.config, block_, static_cast<Stage>(stage), task_.groups,
                                states, memory_);
      }
    }
    for (size_t g = 0; g < states.size(); ++g) hidden[g] = states[g].residual;
    return std::move(result_);
  }

 private:
  bool trains_on_block() const {
    return std::any_of(own_.begin(), own_.end(), [&](size_t i) {
      const auto& quantizer = task_.planned[i].quantizer;
      return quantizer != nullptr && quantizer->needs().block;
    });
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
  at::Tensor stage_scale(Stage stage, StageInputs& inputs) const {
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
    const at::Tensor scale = stage_scale(stage, inputs);
    for (const size_t i : own_) {
      const auto& [unit, quantizer] = task_.planned[i];
      if (unit.stage != stage || quantizer == nullptr) continue;
      QuantProblem problem = describe(unit, quantizer->needs(), inputs);
      if (quantizer->needs().block) {
        problem.block_error = block_error(
            {task_.config, task_.groups, states, target_, task_.text_share}, block_, unit);
      }
      QuantizedLinear quantized = quantize_scaled(*quantizer, problem, scale);
      validate(quantized, unit.name);
      block_ = with_unit_weight(block_, task_.config, unit, dequantize(quantized));
      result_.emplace(i, std::move(quantized));
    }
  }

  const BlockTask& task_;
  DecoderBlock& block_;
  MemoryBudget& memory_;
  std::vector<size_t> own_;  // indices in task_.planned of this block's units
  GroupHidden target_;       // the block's full-precision output, when something trains on it
  std::map<size_t, QuantizedLinear> result_;
};

}  // namespace

InputNeeds needs_of(const std::vector<PlannedUnit>& planned) {
  InputNeeds all;
  for (const auto& [unit, quantizer] : planned) {
    if (quantizer == nullptr) continue;
    const InputNeeds own = quantizer->needs();
    all = {all.hessian || own.hessian, all.ranges || own.ranges, all.block || own.block,
           all.fisher || own.fisher};
  }
  return all;
}

std::map<size_t, QuantizedLinear> quantize_block(const BlockTask& task, DecoderBlock& block,
                                                 GroupHidden& hidden, MemoryBudget& memory) {
  return BlockQuantizer(task, block, memory).run(hidden);
}

}  // namespace mpq
