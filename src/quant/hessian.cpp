// Hessian accumulation and the single Cholesky that GPTQ needs.
#include "mpq/quant/hessian.h"

#include <ATen/ATen.h>

#include "mpq/core/error.h"

namespace mpq {
namespace {

/// (H + damp I)^-1 = U^T U from one Cholesky: with J the reversal, J H J = L L^T gives H = R R^T for the upper R = J L J,
/// hence U = R^-1. Half the work of inverting H and factoring the inverse.
at::Tensor inverse_factor(const at::Tensor& matrix, double damp) {
  at::Tensor flipped = matrix.flip({0, 1});
  flipped.diagonal().add_(damp);
  auto [lower, info] = at::linalg_cholesky_ex(flipped);
  if (info.item<int>() != 0 || !at::isfinite(lower.diagonal()).all().item<bool>()) return {};
  const auto identity = at::eye(matrix.size(0), matrix.options());
  const auto inverse = at::linalg_solve_triangular(lower, identity, /*upper=*/false);
  return at::isfinite(inverse.diagonal()).all().item<bool>() ? inverse.flip({0, 1}).contiguous()
                                                             : at::Tensor();
}

}  // namespace

Hessian::Hessian(at::Tensor matrix) : matrix_(std::move(matrix)) {
  require(matrix_.dim() == 2 && matrix_.size(0) == matrix_.size(1) &&
              matrix_.scalar_type() == at::kFloat,
          ErrorCode::Internal, "Hessian: expected a square float32 matrix");
}

at::Tensor Hessian::diagonal() const { return matrix_.diagonal(); }

const Hessian::Factor& Hessian::factor(bool act_order, double damp) const {
  const auto key = std::make_pair(act_order, damp);
  const auto found = factors_.find(key);
  if (found != factors_.end()) return found->second;

  const auto diagonal = matrix_.diagonal().clone();
  diagonal.masked_fill_(diagonal == 0, 1.0);  // dead columns: any value works, their weights are 0
  Factor factor;
  factor.order = act_order
                     ? std::get<1>(at::sort(diagonal, /*stable=*/true, /*dim=*/0, /*descending=*/true))
                     : at::arange(size(), at::kLong);
  at::Tensor ordered = act_order ? matrix_.index_select(0, factor.order).index_select(1, factor.order)
                                 : matrix_.clone();
  ordered.diagonal().copy_(diagonal.index_select(0, factor.order));
  const double mean = diagonal.mean().item<double>();
  for (factor.damp = damp; factor.damp <= 1.0 && !factor.upper.defined(); factor.damp *= 10) {
    factor.upper = inverse_factor(ordered, factor.damp * mean);
    if (factor.upper.defined()) break;
  }
  return factors_.emplace(key, std::move(factor)).first->second;
}

HessianAccumulator::HessianAccumulator(int64_t in) : sum_(at::zeros({in, in}, at::kFloat)) {}

void HessianAccumulator::add(const at::Tensor& x) {
  require(x.dim() == 2 && x.size(1) == sum_.size(0), ErrorCode::Internal,
          "Hessian: expected inputs of {} channels, found {}", sum_.size(0), x.size(-1));
  // Rows are split so that partial sums stay short: float32 then holds the total to about 1e-6.
  constexpr int64_t kRows = 4096;
  for (int64_t begin = 0; begin < x.size(0); begin += kRows) {
    const auto rows = x.narrow(0, begin, std::min(kRows, x.size(0) - begin));
    if (rows.scalar_type() == at::kFloat) {
      sum_.addmm_(rows.t(), rows);
    } else {
      sum_.add_(at::mm(rows.t(), rows));
    }
  }
  tokens_ += x.size(0);
}

at::Tensor HessianAccumulator::mean() const {
  return tokens_ == 0 ? sum_.clone() : sum_ * (2.0 / static_cast<double>(tokens_));
}

at::Tensor blend_hessians(const at::Tensor& task, const at::Tensor& text, double text_share) {
  const auto normalised = [](const at::Tensor& h, double share) {
    const double mean = h.diagonal().mean().item<double>();
    return mean > 0 ? h * (share / mean) : h * 0.0;
  };
  const bool has_task = task.defined() && task.diagonal().sum().item<double>() > 0;
  const bool has_text = text.defined() && text.diagonal().sum().item<double>() > 0;
  if (!has_text || text_share == 0) return has_task ? task : text;
  if (!has_task) return text;
  return normalised(task, 1 - text_share) + normalised(text, text_share);
}

}  // namespace mpq
