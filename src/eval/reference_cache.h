#pragma once
// A reference's final hidden states, kept between evaluations.
#include <string>

#include "token_scores.h"

namespace mpq {

/// The final states of `sequences`, read from `path` when the file is there, else computed and kept
/// there. Throws Error(Format) when the file does not fit the sequences.
FinalStates kept_states(const Model& reference, const std::vector<TokenSequence>& sequences,
                        int64_t batch_tokens, const std::string& path, MemoryBudget& memory,
                        const std::string& title);

}  // namespace mpq
