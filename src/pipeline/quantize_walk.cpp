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

/// The quantized stream's groups, then those of the full-precision one if there is one.
GroupHidden both_of(const BlockStreams& streams) {
  GroupHidden both = streams.quantized;
  both.insert(both.end(), streams.full.begin(), streams.full.end());
  return both;
}

/// From the last block that `state` has, or from the embeddings; returns the next block.
int64_t start(const Model& model, const std::vector<SequenceGroup>& groups, bool full,
              const WalkState& state, BlockStreams& streams, MemoryBudget& memory) {
  std::vector<int64_t> rows = rows_of(groups);
  if (full) {
    for (const auto& group : groups) rows.push_back(group.plan.rows());
  }
  GroupHidden kept;
  const int64_t done = state.restore(model.config(), rows, kept, memory);
  if (done > 0) {
    const auto middle = kept.begin() + static_cast<int64_t>(groups.size());
    streams = {{kept.begin(), middle}, {middle, kept.end()}};
  } else {
    streams.quantized = embed_groups(model, groups, memory);
    if (full) streams.full = embed_groups(model, groups, memory);
  }
  return done;
}

/// Through a finished block; the passes made, none for an empty stream.
int64_t pass(const ModelConfig& config, const DecoderBlock& block,
             const std::vector<SequenceGroup>& groups, GroupHidden& hidden) {
  for (size_t g = 0; g < hidden.size(); ++g)
    forward_all(config, block, groups[g].plan, hidden[g], hidden[g]);
  return hidden.empty() ? 0 : 1;
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

QuantizeCost quantize_to_parts(const Model& model, const std::vector<SequenceGroup>& groups,
                               const std::vector<UnitChoice>& choices,
                               const QuantizeWalkOptions& options, const std::string& folder,
                               MemoryBudget& memory) {
  const ModelConfig& config = model.config();
  const auto planned = planned_units(choices);
  std::filesystem::create_directories(folder);
  // Without inputs to quantize from, blocks do not depend on one another.
  const InputNeeds needs = needs_of(planned);
  const WalkState state(needs.any() ? folder + "/hidden.safetensors" : "");
  BlockStreams streams;
  int64_t first = 0;
  if (needs.any()) first = start(model, groups, needs.full(), state, streams, memory);
  QuantizeCost spent;
  const BlockTask task{config,         planned, groups, options.text_share, model.stored_dtype(),
                       options.fisher, &spent};
  Progress progress(options.title, config.layers);
  progress.step("", first);
  for (int64_t index = first; index < config.layers; ++index) {
    const std::string path = part_path(folder, index);
    DecoderBlock block = model.load_block(index);
    if (!std::filesystem::exists(path)) {
      save_part(path, part_of(config, planned, quantize_block(task, block, streams, memory)));
      log_debug("{}: block {} done", options.title, index);
    } else {
      spent.block_forwards += pass(config, block, groups, streams.full);
      restore(config, load_part(path), block);
      spent.block_forwards += pass(config, block, groups, streams.quantized);
    }
    if (needs.any()) state.keep(index + 1, both_of(streams));
    progress.step();
  }
  state.clear();
  log_info("{}: {} block forwards, {} training steps", options.title, spent.block_forwards,
           spent.training_steps);
  return spent;
}

}  // namespace mpq
