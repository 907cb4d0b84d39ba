#pragma once
// What quantizing the embedding or the head costs, measured at the output.
#include "mpq/score/scorer.h"

namespace mpq {

/// The units of the context that are ends, and those that are not.
ScoreContext without_ends(const ScoreContext& context);
bool has_ends(const ScoreContext& context);

/// Fills the rows of the ends in a table of all the context's units: KL of the probed rows with
/// that one matrix changed, of the task plus text_weight times the text's, as `taqo` measures it.
void measure_ends(const ScoreContext& context, double text_weight, ScoreTable& table);

}  // namespace mpq
