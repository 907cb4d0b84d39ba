#pragma once
// The layer Hessian H = 2/n sum x x^T of a linear's inputs, and its factors, computed once for all
// widths.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace mpq {

/// A symmetric positive semi-definite [in, in] float32 matrix with cached factors, for any threads.
class Hessian {
 public:
  explicit Hessian(at::Tensor matrix);

  const at::Tensor& matrix() const { return matrix_; }
  int64_t size() const { return matrix_.size(0); }
  /// float32 [in], the diagonal; 0 marks a dead input channel.
  at::Tensor diagonal() const;

  /// Factor for GPTQ in a column order: upper triangular U with (P^T (H + damp I) P)^-1 = U^T U.
  struct Factor {
    at::Tensor order;  // int64 [in]: column at each position
    at::Tensor upper;  // float32 [in, in]; undefined when no damping made H positive definite
    double damp = 0;   // share of the mean diagonal that was needed
  };
  /// `act_order`: columns by descending diagonal. Damping grows tenfold from `damp` until Cholesky
  /// succeeds (at most to 1).
  const Factor& factor(bool act_order, double damp) const;

 private:
  at::Tensor matrix_;
  mutable std::mutex mutex_;  // of the factors
  mutable std::map<std::pair<bool, double>, Factor> factors_;
};

}  // namespace mpq
