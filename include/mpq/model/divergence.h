#pragma once
// Kullback-Leibler divergence of next-token distributions, and means that know their noise.
#include <ATen/core/Tensor.h>

#include <functional>
#include <limits>
#include <vector>

#include "mpq/model/model.h"

namespace mpq {

/// KL(softmax(reference) || softmax(other)) per row, in nats, float32 [rows]; logits [rows, vocab].
/// Clamped to >= 0: the sum of a row's rounding errors can be a few 1e-8 below.
at::Tensor kl_rows(const at::Tensor& reference_logits, const at::Tensor& logits);

/// A mean over tokens with the standard error over documents (sequences are the independent draws,
/// tokens are not).
struct MeanWithError {
  double mean = 0;
  double stderr_ = std::numeric_limits<double>::quiet_NaN();  // NaN: unknown, of a single document
  int64_t tokens = 0;
};
/// `value` float [rows], `sequence` int64 [rows] in 0..sequences-1: the ratio estimator sum(value)
/// / rows.
MeanWithError mean_over_tokens(const at::Tensor& value, const at::Tensor& sequence,
                               int64_t sequences);

/// Logits held at once: with what is computed from them, six such matrices, some 200 MB.
constexpr int64_t kLogitsAtOnce = int64_t{1} << 23;
/// Rows that have so many logits, sixteen at least.
int64_t logit_rows(const Model& model);

}  // namespace mpq
