// Loops over channels that the compiler turns into vectors for several processors.
#include "mpq/model/row_kernels.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

#include "each_row.h"
#include "vector_math.h"

namespace mpq {
namespace {

constexpr int64_t kRowsOfTask = 16;

template <class Out>
MPQ_INLINE void normalise_row(const float* x, const float* weight, int64_t width, float eps,
                              float plus, Out* out) {
  float squares = 0;
#pragma omp simd reduction(+ : squares)
  for (int64_t i = 0; i < width; ++i) squares += x[i] * x[i];
  const float factor = 1 / std::sqrt(squares / static_cast<float>(width) + eps);
#pragma omp simd
  for (int64_t i = 0; i < width; ++i) put(x[i] * factor * (weight[i] + plus), out[i]);
}

MPQ_CLONES void normalise(const float* x, const float* weight, int64_t width, float eps, float plus,
                          float* out) {
  normalise_row(x, weight, width, eps, plus, out);
}
MPQ_CLONES void normalise(const float* x, const float* weight, int64_t width, float eps, float plus,
                          Half* out) {
  normalise_row(x, weight, width, eps, plus, out);
}

MPQ_CLONES void add(const float* stream, const Half* update, int64_t width, float scale,
                    float* out) {
#pragma omp simd
  for (int64_t i = 0; i < width; ++i) out[i] = stream[i] + scale * wide(update[i]);
}

MPQ_CLONES void multiply_silu(const Half* gate, const Half* up, int64_t width, Half* out) {
#pragma omp simd
  for (int64_t i = 0; i < width; ++i) {
    const float x = wide(gate[i]);
    put(x / (1 + exponential(-x)) * wide(up[i]), out[i]);
  }
}

template <class In>
MPQ_INLINE void subtract_row(const In* a, const In* b, int64_t width, Half* out) {
#pragma omp simd
  for (int64_t i = 0; i < width; ++i) put(wide(a[i]) - wide(b[i]), out[i]);
}

MPQ_CLONES void subtract(const float* a, const float* b, int64_t width, Half* out) {
  subtract_row(a, b, width, out);
}
MPQ_CLONES void subtract(const Half* a, const Half* b, int64_t width, Half* out) {
  subtract_row(a, b, width, out);
}

/// Of a head: channel i and its partner half a turn further.
MPQ_CLONES void rotate(const Half* x, const float* cos, const float* sin, int64_t half, Half* out) {
#pragma omp simd
  for (int64_t i = 0; i < half; ++i) {
    const float first = wide(x[i]), second = wide(x[half + i]);
    put(first * cos[i] - second * sin[i], out[i]);
    put(second * cos[half + i] + first * sin[half + i], out[half + i]);
  }
}

const Half* halves(const at::Tensor& rows) {
  return reinterpret_cast<const Half*>(rows.const_data_ptr<at::BFloat16>());
}
Half* mutable_halves(const at::Tensor& rows) {
  return reinterpret_cast<Half*>(rows.mutable_data_ptr<at::BFloat16>());
}

/// Rows that lie apart but whose channels lie side by side.
at::Tensor dense_channels(const at::Tensor& rows) {
  return rows.dim() == 2 && rows.stride(1) == 1 ? rows : rows.contiguous();
}

}  // namespace

bool takes_row_kernels(const at::Tensor& rows, at::ScalarType dtype) {
  return rows.scalar_type() == dtype && rows.is_cpu() && !c10::GradMode::is_enabled();
}

at::Tensor rms_normalised(const at::Tensor& x, const at::Tensor& weight, double eps, double plus,
                          at::ScalarType dtype) {
  const at::Tensor from = dense_channels(x), factors = weight.contiguous();
  const int64_t width = from.size(1);
  at::Tensor result = at::empty(from.sizes(), from.options().dtype(dtype));
  const auto* w = factors.const_data_ptr<float>();
  const auto* in = from.const_data_ptr<float>();
  const auto epsilon = static_cast<float>(eps), added = static_cast<float>(plus);
  each_row(from.size(0), kRowsOfTask, [&](int64_t row) {
    const float* of_row = in + row * from.stride(0);
    if (dtype == at::kFloat) {
      normalise(of_row, w, width, epsilon, added, result.mutable_data_ptr<float>() + row * width);
    } else {
      normalise(of_row, w, width, epsilon, added, mutable_halves(result) + row * width);
    }
  });
  return result;
}

at::Tensor added(const at::Tensor& stream, const at::Tensor& update, double scale) {
  if (!takes_row_kernels(stream, at::kFloat) || !takes_row_kernels(update, at::kBFloat16))
    return at::add(stream, update, scale);
  const at::Tensor from = dense_channels(stream), change = dense_channels(update);
  at::Tensor result = at::empty(from.sizes(), from.options());
  const int64_t width = from.size(1);
  each_row(from.size(0), kRowsOfTask, [&](int64_t row) {
    add(from.const_data_ptr<float>() + row * from.stride(0),
        halves(change) + row * change.stride(0), width, static_cast<float>(scale),
        result.mutable_data_ptr<float>() + row * width);
  });
  return result;
}

at::Tensor silu_product(const at::Tensor& gate, const at::Tensor& up) {
  const at::Tensor left = dense_channels(gate), right = dense_channels(up);
  at::Tensor result = at::empty(left.sizes(), left.options());
  const int64_t width = left.size(1);
  each_row(left.size(0), kRowsOfTask, [&](int64_t row) {
    multiply_silu(halves(left) + row * left.stride(0), halves(right) + row * right.stride(0), width,
                  mutable_halves(result) + row * width);
  });
  return result;
}

at::Tensor difference(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor left = dense_channels(a), right = dense_channels(b);
  at::Tensor result = at::empty(left.sizes(), left.options().dtype(at::kBFloat16));
  const int64_t width = left.size(1);
  const bool narrow = left.scalar_type() == at::kBFloat16;
  each_row(left.size(0), kRowsOfTask, [&](int64_t row) {
    Half* out = mutable_halves(result) + row * width;
    if (narrow) {
      subtract(halves(left) + row * left.stride(0), halves(right) + row * right.stride(0), width,
               out);
    } else {
      subtract(left.const_data_ptr<float>() + row * left.stride(0),
               right.const_data_ptr<float>() + row * right.stride(0), width, out);
    }
  });
  return result;
}

at::Tensor rotated_heads(const at::Tensor& rows, int64_t length, int64_t heads,
                         const at::Tensor& cos, const at::Tensor& sin) {
  const at::Tensor from = dense_channels(rows), cosines = cos.contiguous(),
                   sines = sin.contiguous();
  const int64_t count = from.size(0) / length, width = from.size(1) / heads, dim = cosines.size(1);
  at::Tensor result = at::empty({count, heads, length, width}, from.options());
  const Half* in = halves(from);
  Half* to = mutable_halves(result);
  each_row(count * length, kRowsOfTask, [&](int64_t row) {
    const int64_t sequence = row / length, position = row % length;
    const float* c = cosines.const_data_ptr<float>() + position * dim;
    const float* s = sines.const_data_ptr<float>() + position * dim;
    for (int64_t head = 0; head < heads; ++head) {
      const Half* x = in + row * from.stride(0) + head * width;
      Half* out = to + ((sequence * heads + head) * length + position) * width;
      rotate(x, c, s, dim / 2, out);
      std::copy(x + dim, x + width, out + dim);
    }
  });
  return result;
}

}  // namespace mpq
