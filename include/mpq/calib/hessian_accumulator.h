#pragma once
// Input Hessians of a stage's linears: 2/n sum x x^T, blended from task and general text.
#include "mpq/calib/sequence_group.h"

namespace mpq {

/// Sums x x^T over rows, in float32, the upper triangle only.
class HessianAccumulator {
 public:
  explicit HessianAccumulator(int64_t in) : in_(in) {}
  /// `x` [rows, in], any floating dtype.
  void add(const at::Tensor& x);
  /// 2/n sum x x^T, float32 [in, in]; zeros when nothing was added.
  at::Tensor mean() const;

 private:
  int64_t in_;
  at::Tensor sum_;  // undefined until something is added
  int64_t rows_ = 0;
};

/// What the means of task and of text are multiplied by in a blend of theirs.
struct BlendWeights {
  double task = 1, text = 0;
};
/// (1 - share) / task_mean and share / text_mean, of the mean diagonals: each normalised so that
/// neither drowns the other (methods.md, 6). A mean of 0, or a share of 0 or 1, leaves the other
/// alone, as it is.
BlendWeights blend_weights(double task_mean, double text_mean, double text_share);
/// Blended by blend_weights().
at::Tensor blend_hessians(const at::Tensor& task, const at::Tensor& text, double text_share);

/// The blended Hessian of the next stage's input over all groups.
at::Tensor stage_hessian(const std::vector<SequenceGroup>& groups, const GroupStates& states,
                         double text_share);

}  // namespace mpq
