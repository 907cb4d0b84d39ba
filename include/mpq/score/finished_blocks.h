#pragma once
// What was measured of blocks that are done, so that a killed scoring goes on where it was.
#include "mpq/score/scorer.h"

namespace mpq {

/// Fills the rows and pairs of a block's units from context.finished_folder; false when the block
/// was not finished. Throws Error(Format) when the file is damaged.
bool restore_block(const ScoreContext& context, int64_t block, ScoreTable& table);
/// Keeps them there; does nothing without a folder.
void keep_block(const ScoreContext& context, int64_t block, const ScoreTable& table);

}  // namespace mpq
