// Means weighted by rows, and each expert's share of them.
#include "borrowed_moments.h"

#include <ATen/ATen.h>

namespace mpq {

void borrow_moments(InputMoments& moments) {
  StageMoments mean;
  at::Tensor hessian;
  for (const auto& [expert, own] : moments) {
    if (expert < 0 || own.rows == 0) continue;
    const auto add = [&](at::Tensor& sum, const at::Tensor& value) {
      if (value.defined()) sum = sum.defined() ? sum + value * own.rows : value * own.rows;
    };
    if (own.hessian != nullptr) add(hessian, own.hessian->matrix());
    add(mean.mean_abs, own.mean_abs);
    if (own.max_abs.defined())
      mean.max_abs = mean.max_abs.defined() ? at::maximum(mean.max_abs, own.max_abs) : own.max_abs;
    mean.rows += own.rows;
  }
  if (mean.rows == 0) return;
  for (auto& [expert, own] : moments) {
    if (expert < 0) continue;
    const auto joined = [&](const at::Tensor& value, const at::Tensor& sum) {
      const double borrowed = kBorrowedRows * static_cast<double>(sum.size(0));
      const auto of_mean = sum * (borrowed / mean.rows / (borrowed + own.rows));
      return value.defined() ? of_mean + value * (own.rows / (borrowed + own.rows)) : of_mean;
    };
    if (hessian.defined())
      own.hessian = std::make_shared<Hessian>(
          joined(own.hessian != nullptr ? own.hessian->matrix() : at::Tensor(), hessian));
    if (!mean.max_abs.defined()) continue;
    own.mean_abs = joined(own.mean_abs, mean.mean_abs);
    if (!own.max_abs.defined()) own.max_abs = mean.max_abs;
  }
}

}  // namespace mpq
