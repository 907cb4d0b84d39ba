// The quantization pass over the blocks.
#include "mpq/pipeline/quantize_walk.h"

#include <ATen/ATen.h>

#include <filesystem>

#include "mpq/calib/quantize_end.h"
#include "mpq/core/progress.h"
#include "mpq/format/parts.h"
#include "mpq/model/block_loop.h"
#include "mpq/quant/quantize_unit.h"

namespace mpq {
namespace {

/// Puts a saved part's dequantized weights into the block.
void restore(const ModelConfig& config, const BlockPart& part, DecoderBlock& block) {
  for (size_t i = 0; i < block.weights.size(); ++i) {
    const auto found = part.linears.find(config.module_name(block.index, block.config->linears[i]));
    if (found == part.linears.end()) continue;
    block.weights[i] =
        dequantize(found->second).to(block.weights[i].device(), block.weights[i].scalar_type());
  }
}

BlockPart part_of(const ModelConfig& config, const std::vector<QuantizedUnit>& quantized) {
  BlockPart part;
  for (const auto& [unit, stacked] : quantized) {
    const auto modules = unit_modules(config, unit);
    const auto rows = unit_rows(config, unit);
    int64_t row = 0;
    for (size_t i = 0; i < modules.size(); ++i) {
      part.linears.emplace(modules[i], slice_rows(stacked, row, rows[i]));
      row += rows[i];
    }
  }
  return part;
}

std::vector<PlannedUnit> planned_units(const std::vector<UnitChoice>& choices) {
  std::vector<PlannedUnit> planned;
  for (const auto& choice : choices) {
    if (choice.unit.end == End::None) planned.push_back({choice.unit, make_method(choice.spec)});
  }
  return planned;
}

/// From the quantized model's last hidden states, where a method reads them.
void quantize_ends(const Model& model, const std::vector<SequenceGroup>& groups,
                   const std::vector<UnitChoice>& choices, const Streams& outputs,
                   const std::string& folder) {
  std::vector<UnitChoice> ends;
  for (const auto& choice : choices) {
    if (choice.unit.end != End::None && choice.spec != kFullPrecision) ends.push_back(choice);
  }
  if (ends.empty()) return;
  BlockPart part;
  const auto hessian = outputs.empty() ? nullptr : head_hessian(model, groups, outputs);
  for (const auto& [unit, spec] : ends) {
    const Method method = make_method(spec, model.stored_dtype());
    part.linears.emplace(unit.module, quantize_end(model, unit, method, hessian));
  }
  save_part(ends_path(folder), part);
}

}  // namespace

QuantizeCost walk_cost(const ModelConfig& config, const std::vector<SequenceGroup>& groups,
                       const std::vector<UnitChoice>& choices, double text_share) {
  const auto planned = planned_units(choices);
  if (!needs_of(planned).any()) return {};
  return quantize_cost(
      {.config = config, .planned = planned, .groups = groups, .text_share = text_share});
}

QuantizeCost quantize_to_parts(const Model& model, const std::vector<SequenceGroup>& groups,
                               const std::vector<UnitChoice>& choices,
                               const QuantizeWalkOptions& options, const std::string& folder,
                               MemoryBudget& memory) {
  const ModelConfig& config = model.config();
  const auto planned = planned_units(choices);
  std::filesystem::create_directories(folder);
  QuantizeCost spent;
  const int64_t counted_before = products_counted();
  const BlockTask task{config,
                       planned,
                       groups,
                       options.text_share,
                       model.stored_dtype(),
                       options.fisher,
                       &spent.training_steps};
  // Without inputs to quantize from, blocks do not depend on one another.
  const InputNeeds needs = needs_of(planned);
  BlockStreams start;
  if (needs.any()) start.quantized = embed_groups(model, groups, memory);
  if (needs.full()) start.full = embed_groups(model, groups, memory);
  Streams both = together(start);
  start = {};
  const BlockLoop loop{.title = options.title,
                       .products = needs.any() ? quantize_cost(task).products : 0,
                       .state_file = needs.any() ? folder + "/hidden.safetensors" : ""};
  for_each_block(model, loop, both, [&](const DecoderBlock& full, Streams& hidden) {
    const std::string path = part_path(folder, full.index);
    DecoderBlock block = full;
    BlockStreams streams = apart(hidden, groups.size());
    hidden.clear();
    if (!std::filesystem::exists(path)) {
      save_part(path, part_of(config, quantize_block(task, block, streams, memory)));
    } else {
      if (needs.full()) forward_groups(full, groups, streams.full);
      restore(config, load_part(path), block);
      if (needs.any()) forward_groups(block, groups, streams.quantized);
    }
    hidden = together(streams);
  });
  quantize_ends(model, groups, choices, apart(both, groups.size()).quantized, folder);
  if (!loop.state_file.empty()) std::filesystem::remove(loop.state_file);
  spent.products = products_counted() - counted_before;
  return spent;
}

}  // namespace mpq
