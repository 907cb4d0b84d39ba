// The single Cholesky that GPTQ needs.
#include "mpq/quant/hessian.h"

#include <ATen/ATen.h>

#include "mpq/core/error.h"

namespace mpq {
namespace {

/// (H + damp I)^-1 = U^T U from one Cholesky: with J the reversal, J H J = L L^T gives H = R R^T
/// for the upper R = J L J, hence U = R^-1. Half the work of inverting H and factoring the inverse.
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
  factor.order =
      act_order ? std::get<1>(at::sort(diagonal, /*stable=*/true, /*dim=*/0, /*descending=*/true))
                : at::arange(size(), at::kLong);
  at::Tensor ordered = act_order
                           ? matrix_.index_select(0, factor.order).index_select(1, factor.order)
                           : matrix_.clone();
  ordered.diagonal().copy_(diagonal.index_select(0, factor.order));
  const double mean = diagonal.mean().item<double>();
  for (factor.damp = damp; factor.damp <= 1.0 && !factor.upper.defined(); factor.damp *= 10) {
    factor.upper = inverse_factor(ordered, factor.damp * mean);
    if (factor.upper.defined()) break;
  }
  return factors_.emplace(key, std::move(factor)).first->second;
}

}  // namespace mpq
