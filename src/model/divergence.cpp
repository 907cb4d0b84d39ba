// KL per token and clustered standard errors.
#include "mpq/model/divergence.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "mpq/model/logit_kernels.h"
#include "mpq/model/row_kernels.h"

namespace mpq {

at::Tensor kl_rows(const at::Tensor& reference_logits, const at::Tensor& logits) {
  if (takes_row_kernels(reference_logits, at::kFloat) && takes_row_kernels(logits, at::kFloat))
    return kl_of_logits(reference_logits, logits);
  const auto log_p = at::log_softmax(reference_logits, -1);
  const auto log_q = at::log_softmax(logits, -1);
  return (log_p.exp() * (log_p - log_q)).sum(-1).clamp_min_(0);
}

MeanWithError mean_over_tokens(const at::Tensor& value, const at::Tensor& sequence,
                               int64_t sequences) {
  MeanWithError result;
  result.tokens = value.size(0);
  if (result.tokens == 0) return result;
  const auto wide = value.to(at::kDouble);
  result.mean = wide.mean().item<double>();
  if (sequences < 2) return result;  // one draw says nothing of its spread
  // Linearised ratio estimator: residuals of each document's sum around mean * its length.
  const auto residual =
      at::zeros({sequences}, at::kDouble).index_add_(0, sequence, wide - result.mean);
  const double n = static_cast<double>(sequences);
  const double tokens = static_cast<double>(result.tokens);
  result.stderr_ = std::sqrt(residual.square().sum().item<double>() * n / (n - 1)) / tokens;
  return result;
}

int64_t logit_rows(const Model& model) {
  return std::max<int64_t>(16, kLogitsAtOnce / model.config().vocab);
}

}  // namespace mpq
