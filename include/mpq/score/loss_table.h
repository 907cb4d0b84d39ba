#pragma once
// Shared shapes of score tables.
#include "mpq/score/scorer.h"

namespace mpq {

/// All losses and errors 0, sized by the context.
ScoreTable empty_table(const ScoreContext& context, const std::string& loss_unit);
/// Each unit's score becomes its loss at the quantized candidate nearest to 4 bits.
void rank_by_loss(const ScoreContext& context, ScoreTable& table);
/// Gives every unit the score of its block, [blocks]. Throws Error(Numeric) naming a block whose
/// score is not finite.
void rank_by_block(const ScoreContext& context, const std::vector<double>& block_score,
                   ScoreTable& table);
/// A loss of a whole block with one candidate in place: its units share it by their weights, so
/// that an additive allocator sees it once. "full" keeps 0.
void share_block_loss(const ScoreContext& context, int64_t block, size_t candidate, double loss,
                      double stderr_, ScoreTable& table);
/// A rank becomes a loss (methods.md, 5): the local losses of `local`, times exp of the unit's
/// z-scored rank.
void weight_local_losses(const ScoreTable& local, ScoreTable& ranked);
/// Leaves candidates without a finite loss out of the palette, with a warning, while others remain;
/// with none left the unit cannot be measured at all: throws Error(Numeric) naming it.
void drop_unmeasured(ScoreContext& context, ScoreTable& table);

}  // namespace mpq
