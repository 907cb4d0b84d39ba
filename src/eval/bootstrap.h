#pragma once
// Standard errors of what has no formula for them.
#include <ATen/core/Tensor.h>

#include <vector>

namespace mpq {

/// Of quantiles over tokens, by drawing whole sequences anew (they are the independent draws): the
/// standard deviation over 200 resamples, the same in every run. `values` [tokens], `sequence`
/// int64 [tokens] in 0..sequences-1; NaN, unknown, with a single sequence.
std::vector<double> quantile_errors(const at::Tensor& values, const at::Tensor& sequence,
                                    int64_t sequences, const std::vector<double>& quantiles);

}  // namespace mpq
