// ||X^T Y||_F^2 = <X X^T, Y Y^T>, and its correction for finite n.
#include "mpq/score/cka.h"

#include <ATen/ATen.h>

#include <cmath>

#include "mpq/core/error.h"

namespace mpq {
namespace {

at::Tensor centre(const at::Tensor& x) {
  const auto wide = x.to(at::kDouble);
  return wide - wide.mean(0, /*keepdim=*/true);
}

double total(const at::Tensor& x) { return x.sum().item<double>(); }

/// ||X^T Y||_F^2 of centred matrices.
double cross_norm(const at::Tensor& x, const at::Tensor& y) {
  const bool gram = x.size(0) < std::min(x.size(1), y.size(1));
  return gram ? total(at::mm(x, x.t()) * at::mm(y, y.t())) : total(at::mm(x.t(), y).square());
}

/// The unbiased estimate: what a token has in common with itself is taken out.
double correct(double biased, const at::Tensor& x, const at::Tensor& y) {
  const auto rows_x = x.square().sum(1);
  const auto rows_y = y.square().sum(1);
  const auto n = static_cast<double>(x.size(0));
  return biased - n / (n - 2) * total(rows_x * rows_y) +
         total(rows_x) * total(rows_y) / ((n - 1) * (n - 2));
}

}  // namespace

Cka::Cka(const at::Tensor& reference) : centred_(centre(reference)) {
  require(reference.size(0) > 3, ErrorCode::Usage,
          "CKA compares at least 4 tokens, found {}; give more prompts", reference.size(0));
  own_biased_ = cross_norm(centred_, centred_);
  own_debiased_ = correct(own_biased_, centred_, centred_);
}

double Cka::debiased(const at::Tensor& other) const {
  const auto y = centre(other);
  const double own = correct(cross_norm(y, y), y, y);
  return correct(cross_norm(centred_, y), centred_, y) / std::sqrt(own_debiased_ * own);
}

double Cka::biased(const at::Tensor& other) const {
  const auto y = centre(other);
  return cross_norm(centred_, y) / std::sqrt(own_biased_ * cross_norm(y, y));
}

}  // namespace mpq
