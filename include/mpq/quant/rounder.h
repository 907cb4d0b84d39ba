#pragma once
// What an encoding makes of a weight: positions on the axis of codes, and the values there.
#include <ATen/core/Tensor.h>

#include "mpq/quant/quantized_linear.h"

namespace mpq {

/// Weights are [out, groups, columns] float32, grids as in Grid. Between two codes positions and
/// values run in proportion, so that learning may pass through both.
class Rounder {
 public:
  explicit Rounder(const Encoding& encoding);
  double top() const { return top_; }
  /// Where the weights lie: at code k exactly k, outside [0, top()] beyond the last level.
  at::Tensor steps(const at::Tensor& weight, const Grid& grid) const;
  /// The weights at these positions, at most a step outside.
  at::Tensor values(const at::Tensor& steps, const Grid& grid) const;
  /// The nearest codes, float32.
  at::Tensor codes(const at::Tensor& weight, const Grid& grid) const;

 private:
  bool whole_zero_;    // codes begin at a whole number
  at::Tensor levels_;  // float32 [top + 1]; undefined where codes are their own values
  double top_;
};

/// [out, in] to [out, groups, columns].
at::Tensor by_group(const at::Tensor& weight, int64_t groups);

}  // namespace mpq
