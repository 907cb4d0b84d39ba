// Accumulates and blends Hessians.
#include "mpq/calib/hessian_accumulator.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "bf16_gram.h"
#include "mpq/core/error.h"

namespace mpq {
namespace {

/// Rows per product: partial sums stay short, so that float32 holds the total to about 1e-6.
constexpr int64_t kRows = 4096;

/// Channels per strip of the upper triangle: X^T X is symmetric, so only half of the strips' area
/// is multiplied.
constexpr int64_t kStrip = 1024;

}  // namespace

void HessianAccumulator::add(const at::Tensor& x) {
  const int64_t in = in_;
  require(x.dim() == 2 && x.size(1) == in, ErrorCode::Internal,
          "Hessian: expected inputs of {} channels, found {}", in, x.size(-1));
  if (!sum_.defined()) sum_ = at::zeros({in, in}, x.options().dtype(at::kFloat));
  rows_ += x.size(0);
  if (x.scalar_type() == at::kBFloat16 && x.is_cpu() && has_bf16_gram()) {
    add_bf16_gram(x.contiguous(), sum_);
    return;
  }
  for (int64_t begin = 0; begin < x.size(0); begin += kRows) {
    const auto rows = x.narrow(0, begin, std::min(kRows, x.size(0) - begin)).to(at::kFloat);
    for (int64_t strip = 0; strip < in; strip += kStrip) {
      const int64_t height = std::min(kStrip, in - strip);
      sum_.narrow(0, strip, height)
          .narrow(1, strip, in - strip)
          .addmm_(rows.narrow(1, strip, height).t(), rows.narrow(1, strip, in - strip));
    }
  }
}

at::Tensor HessianAccumulator::mean() const {
  if (rows_ == 0) return at::zeros({in_, in_}, at::kFloat);
  // Below the diagonal only what lies inside a strip or tile was computed: mirror the upper
  // triangle.
  at::Tensor full = at::triu(sum_, 1);
  full = full + full.t();
  full.diagonal().copy_(sum_.diagonal());
  return full.mul_(2.0 / static_cast<double>(rows_));
}

BlendWeights blend_weights(double task_mean, double text_mean, double text_share) {
  if (text_mean == 0 || text_share == 0) return {};
  if (task_mean == 0 || text_share == 1) return {0, 1};
  return {(1 - text_share) / task_mean, text_share / text_mean};
}

at::Tensor blend_hessians(const at::Tensor& task, const at::Tensor& text, double text_share) {
  const auto mean = [](const at::Tensor& hessian) {
    return hessian.diagonal().mean().item<double>();
  };
  const BlendWeights weights = blend_weights(mean(task), mean(text), text_share);
  if (weights.text == 0) return task;
  if (weights.task == 0) return text;
  return task * weights.task + text * weights.text;
}

at::Tensor stage_hessian(const std::vector<SequenceGroup>& groups, const GroupStates& states,
                         double text_share) {
  const int64_t in = states.front().input.size(1);
  const auto accumulate = [&](bool text) {
    HessianAccumulator sum(in);
    for (size_t i = 0; i < groups.size(); ++i) {
      if (groups[i].text == text) sum.add(states[i].input);
    }
    return sum.mean();
  };
  const bool has_text = std::any_of(groups.begin(), groups.end(),
                                    [](const SequenceGroup& group) { return group.text; });
  if (!has_text || text_share == 0) return accumulate(false);
  return blend_hessians(accumulate(false), accumulate(true), text_share);
}

}  // namespace mpq
