// Stage by stage through a block.
#include "mpq/calib/quantize_block.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "mpq/calib/block_training.h"
#include "mpq/calib/stage_moments.h"
#include "mpq/core/error.h"
#include "mpq/model/fold.h"
#include "mpq/quant/quantize_unit.h"

namespace mpq {
namespace {

/// What any quantizer of a block must see.
InputNeeds block_needs(const std::vector<PlannedUnit>& planned, int64_t block) {
  InputNeeds all;
  for (const auto& [unit, method] : planned) {
    if (unit.block == block && method.quantizer != nullptr)
      all = both(all, method.quantizer->needs());
  }
  return all;
}

/// What the units of a stage must see when their weights are quantized: those that learn before
/// the others, together with what decides the stage's scale.
InputNeeds stage_needs(const std::vector<PlannedUnit>& planned, int64_t block, Stage stage,
                       bool learning) {
  InputNeeds all, others;
  bool learns = false;
  for (const auto& [unit, method] : planned) {
    if (unit.block != block || unit.stage != stage || method.quantizer == nullptr) continue;
    const InputNeeds needs = method.quantizer->needs();
    all = both(all, needs);
    learns = learns || needs.steps > 0;
    if (needs.steps == 0) others = both(others, needs);
  }
  if (!learning) return others;
  all.aim = false;
  return learns ? all : InputNeeds{};
}

/// Whether learning begins with a look at more than the block's own inputs.
bool sees_inputs(const std::vector<PlannedUnit>& planned, int64_t block) {
  for (int stage = 0; stage < kStages; ++stage) {
    const InputNeeds needs = stage_needs(planned, block, static_cast<Stage>(stage), true);
    if (needs.hessian || needs.ranges) return true;
  }
  return false;
}

class BlockQuantizer {
 public:
  BlockQuantizer(const BlockTask& task, DecoderBlock& block, MemoryBudget& memory)
      : task_(task),
        block_(block),
        full_(block),
        memory_(memory),
        needs_(block_needs(task.planned, block.index)),
        kept_(kept_inputs(*block.config, task.groups, /*branches=*/false, task.kept_bytes)) {
    for (size_t i = 0; i < task.planned.size(); ++i) {
      if (task.planned[i].unit.block == block.index) own_.push_back(i);
    }
  }

  std::vector<QuantizedUnit> run(BlockStreams& streams) {
    require(!needs_.full() || !streams.full.empty(), ErrorCode::Internal,
            "block {}: its full-precision inputs are not there", block_.index);
    Streams full_output;
    if (!streams.full.empty() && (needs_.steps > 0 || !needs_.aim))
      full_output = forward_groups(full_, task_.groups, streams.full, memory_);
    if (needs_.steps > 0) learn(streams.quantized, full_output);
    std::optional<BlockPass> own, full;
    if (!streams.quantized.empty())
      own.emplace(task_.groups, std::move(streams.quantized), memory_, kept_);
    if (needs_.aim) full.emplace(task_.groups, std::move(streams.full), memory_, kept_);
    for (int stage = 0; stage < kStages; ++stage) {
      quantize_stage(static_cast<Stage>(stage), own, full);
      if (own) own->advance(block_);
      if (full) full->advance(full_);
    }
    if (own) streams.quantized = own->finish(block_);
    streams.full = full ? full->finish(full_) : std::move(full_output);
    return std::move(result_);
  }

 private:
  bool learns(size_t planned) const {
    const auto& quantizer = task_.planned[planned].method.quantizer;
    return quantizer != nullptr && quantizer->needs().steps > 0;
  }

  /// None without a pass.
  InputMoments moments(Stage stage, bool learning, const std::optional<BlockPass>& own,
                       const std::optional<BlockPass>& full) const {
    const auto readers = linears_of(*block_.config, stage);
    if (!own)
      return gather_moments({.groups = task_.groups, .rows = {}, .readers = readers}, {}, "");
    StageSource source{
        .groups = task_.groups,
        .text_share = task_.text_share,
        .rows = [&](size_t group, const Batch& batch) { return own->rows(block_, group, batch); },
        .residual = adds_to_residual(*block_.config, stage),
        .readers = readers};
    if (full)
      source.full = [&](size_t group, const Batch& batch) {
        return full->rows(full_, group, batch);
      };
    return gather_moments(source, stage_needs(task_.planned, block_.index, stage, learning),
                          task_.config.block_prefix(block_.index) + stage_name(stage));
  }

  /// The units that learn, together and before the others, which then make up for their errors.
  void learn(const Streams& hidden, const Streams& target) {
    std::vector<LearningUnit> units;
    std::optional<BlockPass> pass;
    if (sees_inputs(task_.planned, block_.index))
      pass.emplace(task_.groups, hidden, memory_, kept_);
    for (int i = 0; i < kStages; ++i) {
      const auto stage = static_cast<Stage>(i);
      const InputMoments inputs = moments(stage, /*learning=*/true, pass, {});
      for (const size_t own : own_) {
        const auto& [whole, method] = task_.planned[own];
        if (whole.stage != stage || !learns(own)) continue;
        const auto& quantizer = method.quantizer;
        for (const Unit& unit : parts_by_input(*block_.config, whole)) {
          const at::Tensor scale = stage_scale(stage, inputs);
          const QuantProblem problem = scaled_problem(describe(unit, method, inputs), scale);
          units.push_back({unit, quantizer->learn(problem), quantizer->needs().steps, scale});
        }
      }
      if (pass && stage != Stage::MlpOut) pass->advance(full_);
    }
    const BlockReconstruction reconstruction{task_.groups, hidden, target, task_.text_share};
    auto learned = train_block(reconstruction, block_, units, task_.spent_steps);
    for (size_t u = 0; u < units.size(); ++u) place(units[u].unit, std::move(learned[u]));
  }

  void place(const Unit& unit, QuantizedLinear quantized) {
    validate(quantized, unit.name);
    block_ = with_unit_weight(block_, unit, dequantize(quantized));
    result_.push_back({unit, std::move(quantized)});
  }

  /// Of linears that read the same rows.
  QuantProblem describe(const Unit& unit, const Method& method, const InputMoments& inputs) const {
    QuantProblem problem{.name = unit.name,
                         .weight = stacked_weight(block_, unit),
                         .encoding = resolved(method.encoding, task_.stored_dtype)};
    describe_inputs(moments_of(inputs, *block_.config, unit), unit, method.quantizer->needs(),
                    task_.fisher, problem);
    return problem;
  }

  /// One decision for all linears that read the stage's input: that of the first quantizer that
  /// scales inputs, over the stage's weights together. None where a linear stays at full precision,
  /// since its weight would have to be rounded again.
  at::Tensor stage_scale(Stage stage, const InputMoments& inputs) {
    auto& known = scales_[static_cast<size_t>(stage)];
    if (!known) known = choose_scale(stage, inputs);
    return *known;
  }

  at::Tensor choose_scale(Stage stage, const InputMoments& inputs) const {
    Unit whole;
    whole.block = block_.index;
    const Method* decides = nullptr;
    for (const size_t i : own_) {
      const auto& [unit, method] = task_.planned[i];
      if (unit.stage != stage) continue;
      if (method.quantizer == nullptr) return {};
      whole.name = unit.name;
      whole.linears.insert(whole.linears.end(), unit.linears.begin(), unit.linears.end());
      if (decides == nullptr && method.quantizer->needs().ranges) decides = &method;
    }
    if (decides == nullptr || !input_producer(*block_.config, stage)) return {};
    const QuantProblem problem = describe(whole, *decides, inputs);
    return foldable_scale(block_, stage, task_.stored_dtype,
                          decides->quantizer->input_scale(problem));
  }

  void quantize_stage(Stage stage, const std::optional<BlockPass>& own,
                      const std::optional<BlockPass>& full) {
    const InputMoments inputs = moments(stage, /*learning=*/false, own, full);
    for (const size_t i : own_) {
      const auto& [unit, method] = task_.planned[i];
      const auto& quantizer = method.quantizer;
      if (unit.stage != stage || quantizer == nullptr || learns(i)) continue;
      const at::Tensor scale = stage_scale(stage, inputs);
      for (const Unit& part : parts_by_input(*block_.config, unit)) {
        QuantProblem problem = describe(part, method, inputs);
        if (quantizer->needs().aim)
          problem.weight = aimed_weight(moments_of(inputs, *block_.config, part), problem);
        place(part, quantize_scaled(*quantizer, std::move(problem), scale));
      }
    }
  }

  const BlockTask& task_;
  DecoderBlock& block_;
  const DecoderBlock full_;
  MemoryBudget& memory_;
  const InputNeeds needs_;
  const std::vector<bool> kept_;
  std::vector<size_t> own_;  // indices in task_.planned of this block's units
  std::array<std::optional<at::Tensor>, kStages> scales_;  // of the stages, once chosen
  std::vector<QuantizedUnit> result_;
};

}  // namespace

InputNeeds needs_of(const std::vector<PlannedUnit>& planned) {
  InputNeeds all;
  for (const auto& [unit, method] : planned) {
    if (method.quantizer != nullptr) all = both(all, method.quantizer->needs());
  }
  return all;
}

Streams together(const BlockStreams& streams) {
  Streams all = streams.quantized;
  all.insert(all.end(), streams.full.begin(), streams.full.end());
  return all;
}

BlockStreams apart(const Streams& all, size_t groups) {
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>(std::min(groups, all.size()));
  return {{all.begin(), middle}, {middle, all.end()}};
}

QuantizeCost quantize_cost(const BlockTask& task) {
  const InputNeeds model_needs = needs_of(task.planned);
  const int64_t all = total_rows(task.groups);
  std::set<int64_t> blocks;
  for (const auto& [unit, method] : task.planned) blocks.insert(unit.block);
  QuantizeCost cost;
  for (const int64_t index : blocks) {
    const BlockConfig& block = task.config.block(index);
    const auto kept = kept_inputs(block, task.groups, /*branches=*/false, task.kept_bytes);
    const int64_t once = all * block_products(block);
    const int64_t again = stage_products(block, Stage::MlpIn);
    const auto last_moments = [&](bool learning) {
      const auto rows =
          moment_rows(task.groups, task.text_share,
                      stage_needs(task.planned, index, Stage::MlpOut, learning), kept);
      return again * (rows.own + rows.full);
    };
    const InputNeeds needs = block_needs(task.planned, index);
    cost.products += once + last_moments(/*learning=*/false);
    if (needs.aim) cost.products += once;
    if (model_needs.full() && (needs.steps > 0 || !needs.aim)) cost.products += once;
    if (needs.steps == 0) continue;
    cost.training_steps += needs.steps;
    cost.products += training_products(block, task.groups, needs.steps);
    if (!sees_inputs(task.planned, index)) continue;
    // Up to the last stage.
    for (const Stage stage : {Stage::AttentionIn, Stage::AttentionOut})
      cost.products += all * stage_products(block, stage);
    for (size_t g = 0; g < kept.size(); ++g)
      cost.products += kept[g] ? task.groups[g].plan.rows() * again : 0;
    cost.products += last_moments(/*learning=*/true);
  }
  return cost;
}

std::vector<QuantizedUnit> quantize_block(const BlockTask& task, DecoderBlock& block,
                                          BlockStreams& streams, MemoryBudget& memory) {
  return BlockQuantizer(task, block, memory).run(streams);
}

}  // namespace mpq
