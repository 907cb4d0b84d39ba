// The quantization pass over the blocks.
#include "mpq/pipeline/quantize_walk.h"

#include <ATen/ATen.h>

#include <filesystem>

#include "mpq/calib/walk_state.h"
#include "mpq/core/log.h"
#include "mpq/pack/parts.h"
#include "mpq/quant/quantize_unit.h"

namespace mpq {
namespace {

/// Puts a saved part's dequantized weights into the block.
void restore(const ModelConfig& config, const BlockPart& part, DecoderBlock& block) {
  for (size_t i = 0; i < config.linears.size(); ++i) {
    const auto found =
        part.linears.find(config.block_prefix(block.index) + config.linears[i].module);
    if (found == part.linears.end()) continue;
    block.weights[i] =
        dequantize(found->second).to(block.weights[i].device(), block.weights[i].scalar_type());
  }
}

BlockPart part_of(const ModelConfig& config, const std::vector<PlannedUnit>& planned,
                  const std::map<size_t, QuantizedLinear>& quantized) {
  BlockPart part;
  for (const auto& [index, stacked] : quantized) {
    const Unit& unit = planned[index].unit;
    const auto modules = unit_modules(config, unit);
    int64_t row = 0;
    for (size_t i = 0; i < modules.size(); ++i) {
      const int64_t out = config.linears[unit.linears[i]].out;
      part.linears.emplace(modules[i], slice_rows(stacked, row, out));
      row += out;
    }
  }
  return part;
}

std::vector<PlannedUnit> planned_units(const std::vector<UnitChoice>& choices) {
  std::vector<PlannedUnit> planned;
  for (const auto& choice : choices)
    planned.push_back({choice.unit, choice.spec == "full" ? nullptr : make_quantizer(choice.spec)});
  return planned;
}

}  // namespace

QuantizeCost walk_cost(const std::vector<UnitChoice>& choices) {
  const auto planned = planned_units(choices);
  return needs_of(planned).any() ? quantize_cost(planned) : QuantizeCost{};
}

void quantize_to_parts(const Model& model, const std::vector<SequenceGroup>& groups,
                       const std::vector<UnitChoice>& choices, const QuantizeWalkOptions& options,
                       const std::string& folder, MemoryBudget& memory) {
  const ModelConfig& config = model.config();
  const auto planned = planned_units(choices);
  std::filesystem::create_directories(folder);
  // Without inputs to quantize from, blocks do not depend on one another.
  const bool chained = needs_of(planned).any();
  const WalkState state(chained ? folder + "/hidden.safetensors" : "");
  GroupHidden hidden;
  const int64_t first = state.restore(rows_of(groups), hidden, memory);
  if (chained && first == 0) hidden = embed_groups(model, groups, memory);
  const BlockTask task{config,        planned, groups, options.text_share, model.stored_dtype(),
                       options.fisher};
  Progress progress(options.title, config.layers);
  progress.step("", first);
  for (int64_t index = first; index < config.layers; ++index) {
    const std::string path = part_path(folder, index);
    DecoderBlock block = model.load_block(index);
    if (!std::filesystem::exists(path)) {
      save_part(path, part_of(config, planned, quantize_block(task, block, hidden, memory)));
      log_debug("{}: block {} done", options.title, index);
    } else if (!hidden.empty()) {
      restore(config, load_part(path), block);
      for (size_t g = 0; g < groups.size(); ++g)
        forward_all(config, block, groups[g].plan, hidden[g], hidden[g]);
    }
    if (chained) state.keep(index + 1, hidden);
    progress.step();
  }
  state.clear();
}

}  // namespace mpq
