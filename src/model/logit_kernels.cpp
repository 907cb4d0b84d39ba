// Sums over a vocabulary, a row a task.
#include "mpq/model/logit_kernels.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "each_row.h"
#include "mpq/model/row_kernels.h"
#include "vector_math.h"

namespace mpq {
namespace {

constexpr int64_t kPartial = 64;  // one after the other on old processors: more would cost digits

MPQ_CLONES float largest(const float* x, int64_t width) {
  float most = -std::numeric_limits<float>::infinity();
#pragma omp simd reduction(max : most)
  for (int64_t i = 0; i < width; ++i) most = x[i] > most ? x[i] : most;
  return most;
}

/// Of one row's distributions; single sums are of kPartial numbers, their total is in float64.
struct RowSums {
  double reference = 0, logits = 0;  // of e^(x - largest)
  double difference = 0;  // of e^(reference - largest) and what the reference is above the logits
};

MPQ_CLONES double sum_exponentials(const float* x, int64_t width, float most) {
  double total = 0;
  for (int64_t begin = 0; begin < width; begin += kPartial) {
    const int64_t end = std::min(width, begin + kPartial);
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = begin; i < end; ++i) sum += exponential(x[i] - most);
    total += sum;
  }
  return total;
}

MPQ_CLONES RowSums sum_row(const float* reference, const float* logits, int64_t width,
                           float most_reference, float most_logits) {
  RowSums sums;
  for (int64_t begin = 0; begin < width; begin += kPartial) {
    const int64_t end = std::min(width, begin + kPartial);
    float p = 0, q = 0, d = 0;
#pragma omp simd reduction(+ : p, q, d)
    for (int64_t i = begin; i < end; ++i) {
      const float expected = reference[i] - most_reference, found = logits[i] - most_logits;
      const float likely = exponential(expected);
      p += likely;
      q += exponential(found);
      d += likely * (expected - found);
    }
    sums.reference += p;
    sums.logits += q;
    sums.difference += d;
  }
  return sums;
}

}  // namespace

at::Tensor log_sum_exps(const at::Tensor& logits) {
  if (!takes_row_kernels(logits, at::kFloat)) return at::logsumexp(logits, 1);
  const at::Tensor from = logits.contiguous();
  at::Tensor result = at::empty({from.size(0)}, from.options());
  each_row(from.size(0), 1, [&](int64_t row) {
    const float* x = from.const_data_ptr<float>() + row * from.stride(0);
    const float most = largest(x, from.size(1));
    result.mutable_data_ptr<float>()[row] =
        most + static_cast<float>(std::log(sum_exponentials(x, from.size(1), most)));
  });
  return result;
}

at::Tensor kl_of_logits(const at::Tensor& reference, const at::Tensor& logits) {
  const at::Tensor left = reference.contiguous(), right = logits.contiguous();
  at::Tensor result = at::empty({left.size(0)}, left.options());
  each_row(left.size(0), 1, [&](int64_t row) {
    const float* p = left.const_data_ptr<float>() + row * left.stride(0);
    const float* q = right.const_data_ptr<float>() + row * right.stride(0);
    const float most_p = largest(p, left.size(1)), most_q = largest(q, left.size(1));
    const RowSums sums = sum_row(p, q, left.size(1), most_p, most_q);
    result.mutable_data_ptr<float>()[row] = static_cast<float>(
        sums.difference / sums.reference - std::log(sums.reference / sums.logits));
  });
  return result.clamp_min_(0);
}

}  // namespace mpq
