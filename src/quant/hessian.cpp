// The single Cholesky that GPTQ needs.
#include "mpq/quant/hessian.h"

#include <ATen/ATen.h>

#include "mpq/core/error.h"

namespace mpq {
namespace {

/// Inverse of a lower triangular matrix by halves, nearly all of it matrix products:
/// [A 0; C B]^-1 = [A^-1 0; -B^-1 C A^-1, B^-1]. A third of the work of solving for the identity.
at::Tensor lower_inverse(const at::Tensor& lower) {
  constexpr int64_t kSmall = 128;
  const int64_t n = lower.size(0);
  if (n <= kSmall) {
    return at::linalg_solve_triangular(lower, at::eye(n, lower.options()), /*upper=*/false);
  }
  const int64_t half = n / 2;
  const auto first = lower_inverse(lower.narrow(0, 0, half).narrow(1, 0, half));
  const auto second = lower_inverse(lower.narrow(0, half, n - half).narrow(1, half, n - half));
  const auto corner = lower.narrow(0, half, n - half).narrow(1, 0, half);
  at::Tensor inverse = at::zeros_like(lower);
  inverse.narrow(0, 0, half).narrow(1, 0, half).copy_(first);
  inverse.narrow(0, half, n - half).narrow(1, half, n - half).copy_(second);
  inverse.narrow(0, half, n - half)
      .narrow(1, 0, half)
      .copy_(at::mm(second, at::mm(corner, first)).neg_());
  return inverse;
}

/// (H + damp I)^-1 = U^T U from one Cholesky: with J the reversal, J H J = L L^T gives H = R R^T
/// for the upper R = J L J, hence U = R^-1. Half the work of inverting H and factoring the inverse.
/// `reversed` is J H J without damping.
at::Tensor inverse_factor(const at::Tensor& reversed, const at::Tensor& diagonal, double damp) {
  at::Tensor lower;
  {
    reversed.diagonal().copy_(diagonal + damp);
    auto [factor, info] = at::linalg_cholesky_ex(reversed);
    if (info.item<int>() != 0 || !at::isfinite(factor.diagonal()).all().item<bool>()) return {};
    lower = std::move(factor);
  }
  const auto inverse = lower_inverse(lower);
  lower.reset();
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
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = factors_.find(key);
  if (found != factors_.end()) return found->second;

  const auto diagonal = matrix_.diagonal().clone();
  diagonal.masked_fill_(diagonal == 0, 1.0);  // dead columns: any value works, their weights are 0
  Factor factor;
  factor.order =
      act_order ? std::get<1>(at::sort(diagonal, /*stable=*/true, /*dim=*/0, /*descending=*/true))
                : at::arange(size(), at::kLong);
  const auto backwards = factor.order.flip(0);
  const at::Tensor reversed = matrix_.index_select(0, backwards).index_select(1, backwards);
  const at::Tensor reversed_diagonal = diagonal.index_select(0, backwards);
  const double mean = diagonal.mean().item<double>();
  for (factor.damp = damp; factor.damp <= 1.0; factor.damp *= 10) {
    factor.upper = inverse_factor(reversed, reversed_diagonal, factor.damp * mean);
    if (factor.upper.defined()) break;
  }
  return factors_.emplace(key, std::move(factor)).first->second;
}

}  // namespace mpq
