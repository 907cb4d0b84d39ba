#pragma once
// A reference's final hidden states, kept between evaluations in 16 bits.
#include <string>

#include "mpq/model/divergence.h"
#include "token_scores.h"

namespace mpq {

/// The final states of `sequences`, read from `path` when the file is there, else computed and kept
/// there. In both cases the rounded states are used, so that a repeated evaluation gives the same
/// figures. `rounding` gets KL(exact || kept) over the first tokens. Throws Error(Format) when the
/// file does not fit the sequences.
FinalStates kept_states(const Model& reference, const std::vector<TokenSequence>& sequences,
                        int64_t batch_tokens, const std::string& path, MemoryBudget& memory,
                        Progress& progress, MeanWithError& rounding);

}  // namespace mpq
