// The quantization pass over the blocks.
#include "mpq/pipeline/quantize_walk.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <filesystem>

#include "mpq/calib/hessian_accumulator.h"
#include "mpq/core/log.h"
#include "mpq/pack/parts.h"
#include "mpq/quant/quantizer.h"

namespace mpq {
namespace {

struct PlannedUnit {
  Unit unit;
  std::unique_ptr<Quantizer> quantizer;  // null: left alone
};

class QuantizeWalk {
 public:
  QuantizeWalk(const Model& model, const std::vector<SequenceGroup>& groups,
               const std::vector<UnitChoice>& choices, const QuantizeWalkOptions& options,
               std::string folder, MemoryBudget& memory)
      : model_(model),
        config_(model.config()),
        groups_(groups),
        options_(options),
        folder_(std::move(folder)),
        memory_(memory) {
    for (const auto& choice : choices) {
      planned_.push_back({choice.unit, choice.spec == "full"
                                           ? nullptr
                                           : Registry<Quantizer>::instance().make(choice.spec)});
      needs_inputs_ = needs_inputs_ || (planned_.back().quantizer != nullptr &&
                                        planned_.back().quantizer->needs_hessian());
    }
  }

  void run() {
    std::filesystem::create_directories(folder_);
    GroupHidden hidden;
    if (needs_inputs_) hidden = embed_groups(model_, groups_, memory_);
    Progress progress(options_.title, config_.layers);
    for (int64_t index = 0; index < config_.layers; ++index) {
      const std::string path = part_path(folder_, index);
      const bool done = std::filesystem::exists(path);
      BlockPart part = done ? load_part(path) : BlockPart{};
      DecoderBlock block = model_.load_block(index);
      if (done) restore(part, block);
      GroupStates states;
      if (needs_inputs_) states = enter_groups(config_, block, groups_, hidden, memory_);
      for (int stage = 0; stage < kStages; ++stage) {
        if (!done) quantize_stage(static_cast<Stage>(stage), states, block, part);
        const bool last = index + 1 == config_.layers && stage + 1 == kStages;
        if (needs_inputs_ && !last)
          states =
              advance_groups(config_, block, static_cast<Stage>(stage), groups_, states, memory_);
      }
      if (!done) save_part(path, part);
      for (size_t g = 0; g < states.size(); ++g) hidden[g] = states[g].residual;
      progress.step();
    }
  }

 private:
  /// Puts a saved part's dequantized weights into the block.
  void restore(const BlockPart& part, DecoderBlock& block) const {
    for (size_t i = 0; i < config_.linears.size(); ++i) {
      const auto found =
          part.linears.find(config_.block_prefix(block.index) + config_.linears[i].module);
      if (found == part.linears.end()) continue;
      block.weights[i] =
          dequantize(found->second).to(block.weights[i].device(), block.weights[i].scalar_type());
    }
  }

  void quantize_stage(Stage stage, const GroupStates& states, DecoderBlock& block,
                      BlockPart& part) const {
    std::shared_ptr<const Hessian> hessian;
    for (const auto& [unit, quantizer] : planned_) {
      if (unit.block != block.index || unit.stage != stage || quantizer == nullptr) continue;
      if (quantizer->needs_hessian() && hessian == nullptr)
        hessian = std::make_shared<Hessian>(stage_hessian(groups_, states, options_.text_share));
      const QuantizedLinear quantized = quantizer->quantize(
          {unit.name, stacked_weight(block, unit), hessian, model_.stored_dtype()});
      validate(quantized, unit.name);
      block = with_unit_weight(block, config_, unit, dequantize(quantized));
      int64_t row = 0;
      const auto modules = unit_modules(config_, unit);
      for (size_t i = 0; i < modules.size(); ++i) {
        const int64_t out = config_.linears[unit.linears[i]].out;
        part.linears.emplace(modules[i], slice_rows(quantized, row, out));
        row += out;
      }
    }
  }

  const Model& model_;
  const ModelConfig& config_;
  const std::vector<SequenceGroup>& groups_;
  QuantizeWalkOptions options_;
  std::string folder_;
  MemoryBudget& memory_;
  std::vector<PlannedUnit> planned_;
  bool needs_inputs_ = false;
};

}  // namespace

void quantize_to_parts(const Model& model, const std::vector<SequenceGroup>& groups,
                       const std::vector<UnitChoice>& choices, const QuantizeWalkOptions& options,
                       const std::string& folder, MemoryBudget& memory) {
  QuantizeWalk(model, groups, choices, options, folder, memory).run();
}

}  // namespace mpq
