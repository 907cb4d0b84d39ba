// Strips of the upper triangle, mirrored at the end.
#include "mpq/calib/hessian_accumulator.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "bf16_products.h"
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
  if (x.scalar_type() == at::kBFloat16 && x.is_cpu() && has_bf16_products()) {
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

void HessianAccumulator::scale(double factor) {
  if (sum_.defined()) sum_.mul_(factor);
}

double HessianAccumulator::trace() const {
  return sum_.defined() ? sum_.diagonal().sum(at::kDouble).item<double>() : 0;
}

at::Tensor HessianAccumulator::matrix(double factor) const {
  if (!sum_.defined()) return at::zeros({in_, in_}, at::kFloat);
  // Below the diagonal only what lies inside a strip or tile was computed: mirror the upper
  // triangle.
  at::Tensor full = at::triu(sum_, 1);
  full = full + full.t();
  full.diagonal().copy_(sum_.diagonal());
  return full.mul_(factor);
}

}  // namespace mpq
