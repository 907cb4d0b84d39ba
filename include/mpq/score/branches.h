#pragma once
// Perturbed copies of the hidden states on their way to the output: one pass over the weights
// serves them all.
#include <functional>
#include <vector>

#include "mpq/score/scorer.h"

namespace mpq {

/// One perturbation of the model, from the block where it was born.
struct Branch {
  size_t unit = 0;       // or block: what the scorer perturbs
  size_t candidate = 0;  // or draw
  GroupHidden hidden;    // by probed group, [rows, hidden]
};

/// All live branches pass through a block while it is resident.
void advance_branches(const ScoreContext& context, const DecoderBlock& block,
                      std::vector<Branch>& branches);
/// Adds weight * KL(base || branch) of every token of one probed group (index `probed` in the
/// branches' hidden states) to the losses of the branches' units and candidates, and its standard
/// error over sequences to theirs.
void add_divergence(const ScoreContext& context, const SequenceGroup& group, size_t probed,
                    double weight, const at::Tensor& base, const std::vector<Branch>& branches,
                    ScoreTable& table);

}  // namespace mpq
