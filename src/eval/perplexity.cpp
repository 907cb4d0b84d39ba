// Perplexity of windows of text; the window is the independent draw.
#include "perplexity.h"

#include <ATen/ATen.h>

#include <cmath>

namespace mpq {

std::optional<MeanWithError> mean_nll(const TokenScores& scores,
                                      const std::vector<Position>& positions,
                                      int64_t first_sequence, int64_t sequences) {
  std::vector<int64_t> scored;
  for (size_t i = 0; i < positions.size(); ++i) {
    if (positions[i].target >= 0) scored.push_back(static_cast<int64_t>(i));
  }
  if (scored.empty()) return std::nullopt;
  const auto index = at::tensor(at::ArrayRef<int64_t>(scored), at::kLong);
  return mean_over_tokens(scores.nll.index_select(0, index),
                          sequence_of(positions, first_sequence).index_select(0, index), sequences);
}

MeanWithError perplexity(const MeanWithError& nll) {
  const double value = std::exp(nll.mean);
  return {value, value * nll.stderr_, nll.tokens};
}

}  // namespace mpq
