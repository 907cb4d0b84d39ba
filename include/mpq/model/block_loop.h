#pragma once
// The loop over a model's blocks: every pass of every stage is this one.
#include <functional>
#include <string>

#include "mpq/model/activations.h"

namespace mpq {

struct BlockLoop {
  std::string title{};       // of its progress; empty: none is shown
  int64_t products = 0;      // that all blocks are expected to take, as count_products() counts
  std::string state_file{};  // a killed loop goes on from there; empty: from its beginning
  bool backwards = false;    // from the last block to the first
  int64_t first = 0;         // blocks [first, last) are visited
  int64_t last = -1;         // -1: all
};

/// Turns the streams, in place or by new tensors, from one side of the block to the other.
using VisitBlock = std::function<void(const DecoderBlock& block, Streams& streams)>;

/// Visits the blocks in order, one resident at a time, the next one's weights read ahead. With a
/// state file the streams are kept there after each block, and a loop that was killed goes on
/// behind the last one: its `streams` are then those that were kept. The file stays when the loop
/// is done, until whoever named it has its own result in place. Throws Error(Format) when their
/// shapes are others than those of `streams`, whatever the visits throw, and Error(Interrupted).
void for_each_block(const Model& model, const BlockLoop& loop, Streams& streams,
                    const VisitBlock& visit);

/// How many blocks the loop of a state file has done. Throws Error(Format) when it is damaged.
int64_t blocks_done(const ModelConfig& config, const std::string& state_file);

}  // namespace mpq
