#pragma once
// Debiased linear centred kernel alignment (Kornblith et al., 2019; methods.md, 2).
#include <ATen/core/Tensor.h>

namespace mpq {

/// How alike two representations [n, d] of the same n > 3 tokens are: 1 for the same up to rotation
/// and scale, about 0 for independent ones. Computed in float64 in feature or Gram form, whichever
/// is smaller.
class Cka {
 public:
  /// The representation to compare with; its own terms are computed once.
  explicit Cka(const at::Tensor& reference);
  /// ||Y^T X||^2 / (||X^T X|| ||Y^T Y||), each squared norm debiased. NaN when either is constant.
  double debiased(const at::Tensor& other) const;
  /// The same without debiasing; rises towards 1 with d / n even for independent data.
  double biased(const at::Tensor& other) const;

 private:
  at::Tensor centred_;  // float64 [n, d]
  double own_debiased_ = 0, own_biased_ = 0;
};

}  // namespace mpq
