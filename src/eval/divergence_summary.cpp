// Mean, quantiles and top-1 agreement of a set of tokens.
#include "divergence_summary.h"

#include <ATen/ATen.h>

#include <cmath>

#include "bootstrap.h"

namespace mpq {
namespace {

/// `sorted` float64 [n].
double sorted_quantile(const at::Tensor& sorted, double q) {
  const double* values = sorted.const_data_ptr<double>();
  const double place = q * static_cast<double>(sorted.size(0) - 1);
  const auto below = static_cast<int64_t>(std::floor(place));
  const auto above = static_cast<int64_t>(std::ceil(place));
  const double share = place - static_cast<double>(below);
  return values[below] + (values[above] - values[below]) * share;
}

at::Tensor sorted(const at::Tensor& values) {
  return std::get<0>(values.to(at::kDouble).sort()).contiguous();
}

}  // namespace

double linear_quantile(const at::Tensor& values, double q) {
  return sorted_quantile(sorted(values), q);
}

Divergence summarize(const TokenScores& scores, const at::Tensor& sequence, int64_t sequences) {
  Divergence result;
  result.kl = mean_over_tokens(scores.kl, sequence, sequences);
  result.top1_agreement = mean_over_tokens(scores.same, sequence, sequences);
  const auto ascending = sorted(scores.kl);
  result.median = sorted_quantile(ascending, 0.5);
  result.p99 = sorted_quantile(ascending, 0.99);
  result.p999 = sorted_quantile(ascending, 0.999);
  result.maximum = sorted_quantile(ascending, 1);
  const auto errors = quantile_errors(scores.kl, sequence, sequences, {0.5, 0.99, 0.999, 1});
  result.median_stderr = errors[0];
  result.p99_stderr = errors[1];
  result.p999_stderr = errors[2];
  result.maximum_stderr = errors[3];
  return result;
}

std::vector<double> mean_by_sequence(const at::Tensor& value, const at::Tensor& sequence,
                                     int64_t sequences) {
  const auto wide = value.to(at::kDouble);
  const auto zeros = at::zeros({sequences}, at::kDouble);
  const auto means =
      (zeros.index_add(0, sequence, wide) / zeros.index_add(0, sequence, at::ones_like(wide)))
          .contiguous();
  return {means.const_data_ptr<double>(), means.const_data_ptr<double>() + sequences};
}

}  // namespace mpq
