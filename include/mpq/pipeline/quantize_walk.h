#pragma once
// Quantizes a model block by block, each from the already quantized prefix, into parts in the work
// folder.
#include <string>
#include <vector>

#include "mpq/calib/quantize_block.h"
#include "mpq/calib/sequence_group.h"
#include "mpq/model/unit.h"

namespace mpq {

struct UnitChoice {
  Unit unit;
  std::string spec;  // "full": left alone
};

struct QuantizeWalkOptions {
  double text_share = 0.2;
  std::string title = "quantize";
  const ChannelFisher* fisher = nullptr;  // where a quantizer needs it
};

/// What quantize_to_parts() takes; no products where no quantizer reads its inputs.
QuantizeCost walk_cost(const ModelConfig& config, const std::vector<SequenceGroup>& groups,
                       const std::vector<UnitChoice>& choices, double text_share);

/// quantize_block() from block to block; the full-precision model's hidden states go along where a
/// quantizer aims at them. A walk that was killed goes on after the last block whose part is in
/// `folder`. Returns what was made.
QuantizeCost quantize_to_parts(const Model& model, const std::vector<SequenceGroup>& groups,
                               const std::vector<UnitChoice>& choices,
                               const QuantizeWalkOptions& options, const std::string& folder,
                               MemoryBudget& memory);

}  // namespace mpq
