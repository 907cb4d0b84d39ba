#pragma once
// Summaries of divergences by token.
#include <vector>

#include "mpq/eval/evaluate.h"
#include "token_scores.h"

namespace mpq {

/// The value below which a share `q` of `values` lies, with linear interpolation between ranks
/// (numpy's default). `values` float32 or float64 [n], n > 0, any order.
double linear_quantile(const at::Tensor& values, double q);

/// `sequence` int64 [tokens] in 0..sequences-1, the independent draws behind the standard errors.
Divergence summarize(const TokenScores& scores, const at::Tensor& sequence, int64_t sequences);

/// Mean of `value` [tokens] within each sequence; every sequence has a token.
std::vector<double> mean_by_sequence(const at::Tensor& value, const at::Tensor& sequence,
                                     int64_t sequences);

}  // namespace mpq
