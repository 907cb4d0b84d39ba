#pragma once
// What was measured of blocks that are done is kept, so that a killed scoring goes on where it
// was.
#include "mpq/model/block_loop.h"
#include "mpq/score/scorer.h"

namespace mpq {

struct VisitedBlocks {
  std::string title;     // of the progress
  int64_t products = 0;  // that all visits are expected to take; 0: not known
  /// Two sets of streams go along, that of a model with changed blocks first (apart()): where a
  /// kill left a block's rows but not its output, it is measured again.
  bool changed_prefix = false;
};

/// The loop over the blocks of a scorer: `visit` measures a block, fills the table's rows of its
/// units and turns the streams of all groups into its output. A block's rows are kept when it is
/// done; of one that was done before only the streams go on.
void visit_blocks(const ScoreContext& context, const VisitedBlocks& blocks, ScoreTable& table,
                  const VisitBlock& visit);

}  // namespace mpq
