#pragma once
// Fisher diagonals by input channel (arXiv 2511.17801; methods.md, 3).
#include <string>
#include <vector>

#include "mpq/calib/sequence_group.h"

namespace mpq {

/// [block][linear, as ModelConfig::linears]: float32 [in], the sum over the rows of W of E[g^2], g
/// the gradient by W of a sequence's summed next-token cross entropy, E the mean over sequences.
using ChannelFisher = std::vector<std::vector<at::Tensor>>;

/// One streaming backward pass over the sequences of `plan`. A killed one goes on from
/// `state_folder`, which stays until the caller has kept the result; empty: from its beginning.
/// Throws Error(Numeric) naming a linear whose scores are not finite.
ChannelFisher channel_fisher(const Model& model, const BatchPlan& plan, MemoryBudget& memory,
                             const std::string& state_folder = "");

void save_fisher(const std::string& path, const ChannelFisher& fisher);
/// Throws Error(Format) when the file does not hold the scores of this configuration's linears, or
/// holds some that are not finite.
ChannelFisher load_fisher(const std::string& path, const ModelConfig& config);

}  // namespace mpq
