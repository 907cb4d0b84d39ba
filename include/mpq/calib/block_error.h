#pragma once
// The error of a block's output as a differentiable function of one unit's weight.
#include <functional>

#include "mpq/calib/sequence_group.h"
#include "mpq/model/unit.h"

namespace mpq {

/// All that is needed to run a block on from a stage and compare its output. The references must
/// outlive the functions made from it.
struct BlockErrorContext {
  const ModelConfig& config;
  const std::vector<SequenceGroup>& groups;
  const GroupStates& states;  // before the unit's stage
  const GroupHidden& target;  // the block's output as it should be
  double text_share = 0.2;    // of general text in the error, whatever its share of the tokens
};

/// The full-precision block's output for `hidden`, by group.
GroupHidden block_output(const ModelConfig& config, const DecoderBlock& block,
                         const std::vector<SequenceGroup>& groups, const GroupHidden& hidden,
                         MemoryBudget& memory);

/// QuantProblem::block_error of a unit: mean over the tokens of one batch (the step's, in turn) of
/// the squared error summed over channels, with the unit's weight in place of `block`'s own.
/// Batches of task and of text are weighted so that text_share is text's part of all tokens'
/// errors.
std::function<at::Tensor(const at::Tensor& weight, int64_t step)> block_error(
    const BlockErrorContext& context, const DecoderBlock& block, const Unit& unit);

}  // namespace mpq
