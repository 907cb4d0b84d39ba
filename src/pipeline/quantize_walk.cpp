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

/// What goes from block to block.
struct Streams {
  Streams(const Model& of, const std::vector<SequenceGroup>& sequences, const InputNeeds& needed,
          MemoryBudget& budget)
      : model(of), groups(sequences), needs(needed), memory(budget) {}

  /// From the last block that `state` has, or from the embeddings; returns the next block.
  int64_t start(const WalkState& state) {
    if (!needs.any()) return 0;
    auto rows = rows_of(groups);
    if (learns()) rows.insert(rows.end(), rows.begin(), rows.begin() + count());
    GroupHidden kept;
    const int64_t done = state.restore(rows, kept, memory);
    if (done > 0) {
      quantized.assign(kept.begin(), kept.begin() + count());
      full.assign(kept.begin() + count(), kept.end());
    } else {
      quantized = embed_groups(model, groups, memory);
      if (learns()) full = embed_groups(model, groups, memory);
    }
    return done;
  }
  void keep(int64_t done, const WalkState& state) const {
    if (!needs.any()) return;
    GroupHidden both = quantized;
    both.insert(both.end(), full.begin(), full.end());
    state.keep(done, both);
  }
  /// Through a block; returns the passes made, none for an empty stream.
  int64_t advance(const DecoderBlock& block, GroupHidden& hidden) const {
    for (size_t g = 0; g < hidden.size(); ++g)
      forward_all(model.config(), block, groups[g].plan, hidden[g], hidden[g]);
    return hidden.empty() ? 0 : 1;
  }

  const Model& model;
  const std::vector<SequenceGroup>& groups;
  InputNeeds needs;
  MemoryBudget& memory;
  GroupHidden quantized;  // of the quantized prefix; empty when no quantizer needs inputs
  GroupHidden full;       // of the full-precision one; empty when none learns

 private:
  bool learns() const { return needs.steps > 0; }
  int64_t count() const { return static_cast<int64_t>(groups.size()); }
};

std::vector<PlannedUnit> planned_units(const std::vector<UnitChoice>& choices) {
  std::vector<PlannedUnit> planned;
  for (const auto& choice : choices)
    planned.push_back({choice.unit, choice.spec == "full" ? nullptr : make_quantizer(choice.spec)});
  return planned;
}

}  // namespace

QuantizeCost walk_cost(const std::vector<UnitChoice>& choices, int64_t layers) {
  const auto planned = planned_units(choices);
  const InputNeeds needs = needs_of(planned);
  if (!needs.any()) return {};
  QuantizeCost cost = quantize_cost(planned);
  if (needs.steps > 0) cost.block_forwards += layers;
  return cost;
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
  Streams streams(model, groups, needs, memory);
  const int64_t first = streams.start(state);
  QuantizeCost spent;
  const BlockTask task{.config = config,
                       .planned = planned,
                       .groups = groups,
                       .text_share = options.text_share,
                       .stored_dtype = model.stored_dtype(),
                       .fisher = options.fisher,
                       .target = &streams.full,
                       .spent = &spent};
  Progress progress(options.title, config.layers);
  progress.step("", first);
  for (int64_t index = first; index < config.layers; ++index) {
    const std::string path = part_path(folder, index);
    DecoderBlock block = model.load_block(index);
    spent.block_forwards += streams.advance(block, streams.full);
    if (!std::filesystem::exists(path)) {
      const auto quantized = quantize_block(task, block, streams.quantized, memory);
      save_part(path, part_of(config, planned, quantized));
      log_debug("{}: block {} done", options.title, index);
    } else {
      restore(config, load_part(path), block);
      spent.block_forwards += streams.advance(block, streams.quantized);
    }
    streams.keep(index + 1, state);
    progress.step();
  }
  state.clear();
  log_info("{}: {} block forwards, {} training steps", options.title, spent.block_forwards,
           spent.training_steps);
  return spent;
}

}  // namespace mpq
