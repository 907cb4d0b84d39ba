#pragma once
// Mean negative log-likelihood of text, and the perplexity that follows from it.
#include <optional>
#include <vector>

#include "mpq/model/divergence.h"
#include "token_scores.h"

namespace mpq {

/// Nats per token over the positions that have a target; none when no position has one.
std::optional<MeanWithError> mean_nll(const TokenScores& scores,
                                      const std::vector<Position>& positions,
                                      int64_t first_sequence, int64_t sequences);
/// exp(mean); the standard error by the delta method.
MeanWithError perplexity(const MeanWithError& nll);

}  // namespace mpq
