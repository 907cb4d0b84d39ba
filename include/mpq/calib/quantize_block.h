#pragma once
// Quantizes the units of one block, each from the inputs that the quantized ones before it produce.
#include <map>
#include <memory>

#include "mpq/calib/block_pass.h"
#include "mpq/calib/block_training.h"
#include "mpq/calib/fisher.h"
#include "mpq/calib/sequence_group.h"
#include "mpq/model/unit.h"
#include "mpq/quant/quantize_unit.h"

namespace mpq {

struct PlannedUnit {
  Unit unit;
  Method method;
};

struct BlockTask {
  const ModelConfig& config;
  const std::vector<PlannedUnit>& planned;  // of any blocks; those of this one are quantized
  const std::vector<SequenceGroup>& groups;
  double text_share = 0.2;
  at::ScalarType stored_dtype = at::kFloat;
  const ChannelFisher* fisher = nullptr;  // where a quantizer needs it
  int64_t* spent_steps = nullptr;         // counts training steps, when given
  int64_t kept_bytes = kKeptInputBytes;   // of inputs that a pass may keep
};

/// The linears of a planned unit that read the same rows, quantized together.
struct QuantizedUnit {
  Unit unit;
  QuantizedLinear linear;
};

/// What quantizing takes: products as count_products() counts them, and training steps among them.
struct QuantizeCost {
  int64_t products = 0;
  int64_t training_steps = 0;
};

/// What any of the quantizers must see.
InputNeeds needs_of(const std::vector<PlannedUnit>& planned);

/// Hidden states between two blocks, by group.
struct BlockStreams {
  Streams quantized;  // of the quantized prefix; empty when no quantizer needs inputs
  Streams full;       // of the full-precision one; empty unless needs_of() says full()
};

/// As one set, the quantized prefix's first; and back, for so many groups.
Streams together(const BlockStreams& streams);
BlockStreams apart(const Streams& all, size_t groups);

/// What quantize_block() takes for all the planned units' blocks, when it has hidden states.
QuantizeCost quantize_cost(const BlockTask& task);

/// True-sequential: the qkv linears, then o, gate/up, down (methods.md, 4); units whose quantizer
/// learns with its block are learned together before the others. They aim at the full-precision
/// model's output, as OmniQuant and AutoRound do, and so make up for the quantized prefix too.
/// `block` gets the dequantized weights; the streams, the block's inputs, become its outputs.
std::vector<QuantizedUnit> quantize_block(const BlockTask& task, DecoderBlock& block,
                                          BlockStreams& streams, MemoryBudget& memory);

}  // namespace mpq
