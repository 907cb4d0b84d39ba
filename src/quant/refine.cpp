// Block coordinate descent: one group of columns at a time for all rows, then one matrix product
// brings the gradient up to date.
#include "mpq/quant/refine.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "mpq/core/simd.h"

namespace mpq {
namespace {

/// Columns handled between two gradient products; a group longer than this is descended in pieces.
constexpr int64_t kPiece = 128;

float to_stored(float value, at::ScalarType dtype) {
  if (dtype == at::kBFloat16) return static_cast<float>(at::BFloat16(value));
  if (dtype == at::kHalf) return static_cast<float>(at::Half(value));
  return value;
}

struct PieceView {
  const float* hessian;  // [count, count], the piece's own block of H
  int64_t count;
  float top;
  at::ScalarType scale_dtype;
  bool refit;  // the piece is a whole group, so its scale may move
};

/// One row of one piece. `gradient` = (E H) on the piece, E = W - Q, kept up to date. Returns the
/// change of Q in `delta`.
MPQ_CLONES void descend_row(const PieceView& view, float* gradient, float* code, float* delta,
                            float& scale, float zero) {
  std::fill(delta, delta + view.count, 0.0F);
  const auto move = [&](int64_t j, float step) {  // q_j += step
    delta[j] += step;
    const float* row = view.hessian + j * view.count;
    for (int64_t k = 0; k < view.count; ++k) gradient[k] -= step * row[k];
  };
  for (int64_t j = 0; j < view.count; ++j) {
    const float curvature = view.hessian[j * view.count + j];
    const float ideal = code[j] + gradient[j] / (curvature * scale);
    const float best = std::clamp(std::nearbyint(ideal), 0.0F, view.top);
    if (best != code[j]) {
      move(j, (best - code[j]) * scale);
      code[j] = best;
    }
  }
  if (!view.refit) return;
  // With a = code - zero and Q = s a on the group: d/ds gives s += (a . gradient) / (a H a).
  double slope = 0;
  double curvature = 0;
  for (int64_t j = 0; j < view.count; ++j) {
    const float a = code[j] - zero;
    if (a == 0) continue;
    const float* row = view.hessian + j * view.count;
    float product = 0;
    for (int64_t k = 0; k < view.count; ++k) product += row[k] * (code[k] - zero);
    slope += static_cast<double>(a) * gradient[j];
    curvature += static_cast<double>(a) * product;
  }
  if (curvature <= 0) return;
  const float refitted = to_stored(static_cast<float>(scale + slope / curvature), view.scale_dtype);
  const double step = static_cast<double>(refitted) - scale;
  // The loss changes by step^2 curvature - 2 step slope; rounding to the stored dtype may have
  // spoiled it.
  if (refitted * scale <= 0 || !(step * step * curvature - 2 * step * slope < 0)) return;
  for (int64_t j = 0; j < view.count; ++j) delta[j] += static_cast<float>(step) * (code[j] - zero);
  scale = refitted;
}

}  // namespace

void refine_codes(const at::Tensor& weight, const Hessian& hessian, double damp,
                  at::ScalarType scale_dtype, int rounds, QuantizedLinear& linear) {
  const int64_t out = weight.size(0);
  const int64_t in = weight.size(1);
  const int64_t groups = linear.scale.size(1);
  const int64_t group_size = in / groups;
  at::Tensor damped = hessian.matrix().clone();
  const at::Tensor diagonal = damped.diagonal();
  const double mean = diagonal.mean().item<double>();
  diagonal.masked_fill_(diagonal == 0,
                        mean);  // dead columns hold zero weights; any curvature keeps them there
  diagonal.add_(damp * mean);

  at::Tensor codes = linear.codes.to(at::kFloat).contiguous();
  at::Tensor scale = linear.scale.clone();
  const at::Tensor zero = linear.zero.to(at::kFloat).contiguous();
  at::Tensor error = weight - dequantize(linear);
  for (int round = 0; round < rounds; ++round) {
    at::Tensor gradient = at::mm(error, damped);
    for (int64_t begin = 0, count = 0; begin < in; begin += count) {
      const int64_t group = begin / group_size;
      count = std::min(kPiece, (group + 1) * group_size - begin);
      const at::Tensor own = damped.narrow(0, begin, count).narrow(1, begin, count).contiguous();
      at::Tensor local = gradient.narrow(1, begin, count).contiguous();
      const at::Tensor delta = at::empty({out, count}, at::kFloat);
      const PieceView view{own.data_ptr<float>(), count,
                           static_cast<float>((1 << linear.scheme.bits) - 1), scale_dtype,
                           count == group_size};
      at::parallel_for(0, out, 16, [&](int64_t first, int64_t last) {
        for (int64_t row = first; row < last; ++row) {
          descend_row(view, local.data_ptr<float>() + row * count,
                      codes.data_ptr<float>() + row * in + begin,
                      delta.data_ptr<float>() + row * count,
                      scale.data_ptr<float>()[row * groups + group],
                      zero.data_ptr<float>()[row * groups + group]);
        }
      });
      error.narrow(1, begin, count).sub_(delta);
      // Only later pieces read the gradient again in this round.
      const int64_t rest = in - begin - count;
      if (rest > 0) {
        gradient.narrow(1, begin + count, rest)
            .addmm_(delta, damped.narrow(0, begin, count).narrow(1, begin + count, rest), 1, -1);
      }
    }
  }
  linear.codes = codes.to(at::kByte);
  linear.scale = scale;
}

}  // namespace mpq
