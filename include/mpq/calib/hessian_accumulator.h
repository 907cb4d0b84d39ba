#pragma once
// Sums x x^T over rows, for the input Hessians of linears.
#include <ATen/core/Tensor.h>

namespace mpq {

/// In float32, the upper triangle only.
class HessianAccumulator {
 public:
  explicit HessianAccumulator(int64_t in) : in_(in) {}
  /// `x` [rows, in], any floating dtype.
  void add(const at::Tensor& x);
  /// What was added so far counts `factor` times.
  void scale(double factor);
  /// sum |x|^2 of what was added.
  double trace() const;
  /// factor * sum x x^T, float32 [in, in]; zeros when nothing was added.
  at::Tensor matrix(double factor) const;

 private:
  int64_t in_;
  at::Tensor sum_;  // undefined until something is added
};

}  // namespace mpq
