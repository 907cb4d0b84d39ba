// Accumulates and blends Hessians.
#include "mpq/calib/hessian_accumulator.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "bf16_product.h"
#include "mpq/core/error.h"

namespace mpq {
namespace {

/// Rows per product: partial sums stay short, so that float32 holds the total to about 1e-6.
constexpr int64_t kRows = 4096;

/// Channels per strip of the upper triangle: X^T X is symmetric, so only half of the strips' area
/// is multiplied.
constexpr int64_t kStrip = 1024;

}  // namespace

HessianAccumulator::HessianAccumulator(int64_t in) : sum_(at::zeros({in, in}, at::kFloat)) {}

void HessianAccumulator::add(const at::Tensor& x) {
  const int64_t in = sum_.size(0);
  require(x.dim() == 2 && x.size(1) == in, ErrorCode::Internal,
          "Hessian: expected inputs of {} channels, found {}", in, x.size(-1));
  sum_ = sum_.to(x.device());
  // Products of bfloat16 values are exact in float32, so nothing is lost by multiplying them as
  // such.
  const bool narrow = x.scalar_type() == at::kBFloat16 && x.is_cpu() && has_bf16_product();
  for (int64_t begin = 0; begin < x.size(0); begin += kRows) {
    const auto part = x.narrow(0, begin, std::min(kRows, x.size(0) - begin));
    const auto rows = narrow ? part.contiguous() : part.to(at::kFloat);
    for (int64_t strip = 0; strip < in; strip += kStrip) {
      const int64_t height = std::min(kStrip, in - strip);
      const auto left = rows.narrow(1, strip, height);
      const auto right = rows.narrow(1, strip, in - strip);
      auto target = sum_.narrow(0, strip, height).narrow(1, strip, in - strip);
      if (narrow) {
        add_transposed_product(left, right, target);
      } else {
        target.addmm_(left.t(), right);
      }
    }
  }
  rows_ += x.size(0);
}

at::Tensor HessianAccumulator::mean() const {
  // Below the diagonal only what lies inside a strip was computed: mirror the upper triangle.
  const auto upper = at::triu(sum_);
  const auto full = upper + at::triu(sum_, 1).t();
  return rows_ == 0 ? full : full * (2.0 / static_cast<double>(rows_));
}

at::Tensor blend_hessians(const at::Tensor& task, const at::Tensor& text, double text_share) {
  const double task_mean = task.diagonal().mean().item<double>();
  const double text_mean = text.diagonal().mean().item<double>();
  if (text_mean == 0 || text_share == 0) return task;
  if (task_mean == 0 || text_share == 1) return text;
  return task * ((1 - text_share) / task_mean) + text * (text_share / text_mean);
}

at::Tensor stage_hessian(const std::vector<SequenceGroup>& groups, const GroupStates& states,
                         double text_share) {
  const int64_t in = states.front().input.size(1);
  HessianAccumulator task(in);
  HessianAccumulator text(in);
  for (size_t i = 0; i < groups.size(); ++i) (groups[i].text ? text : task).add(states[i].input);
  return blend_hessians(task.mean(), text.mean(), text_share);
}

}  // namespace mpq
