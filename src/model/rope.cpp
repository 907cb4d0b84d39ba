// Inverse frequencies of every rope scaling, and the cos/sin tables.
#include "mpq/model/rope.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "mpq/core/error.h"

namespace mpq {
namespace {

using Frequencies = std::vector<double>;

Frequencies plain(double theta, int64_t dim) {
  Frequencies result(static_cast<size_t>(dim / 2));
  for (size_t i = 0; i < result.size(); ++i)
    result[i] = 1.0 / std::pow(theta, 2.0 * static_cast<double>(i) / static_cast<double>(dim));
  return result;
}

/// Base grows with the length once it passes what the model was trained on (NTK-aware).
Frequencies dynamic(const RopeConfig& c, int64_t length) {
  const double dim = static_cast<double>(c.dim);
  const double ratio =
      static_cast<double>(std::max(length, c.max_positions)) / static_cast<double>(c.max_positions);
  const double theta = c.theta * std::pow(c.factor * ratio - (c.factor - 1), dim / (dim - 2));
  return plain(theta, c.dim);
}

Frequencies llama3(const RopeConfig& c) {
  Frequencies result = plain(c.theta, c.dim);
  const double original = static_cast<double>(c.original_max_positions);
  const double low_wavelength = original / c.low_freq_factor;
  const double high_wavelength = original / c.high_freq_factor;
  for (double& frequency : result) {
    const double wavelength = 2 * std::numbers::pi / frequency;
    if (wavelength > low_wavelength) {
      frequency /= c.factor;
    } else if (wavelength >= high_wavelength) {
      const double smooth =
          (original / wavelength - c.low_freq_factor) / (c.high_freq_factor - c.low_freq_factor);
      frequency = (1 - smooth) * frequency / c.factor + smooth * frequency;
    }
  }
  return result;
}

Frequencies yarn(const RopeConfig& c) {
  Frequencies result = plain(c.theta, c.dim);
  const double dim = static_cast<double>(c.dim);
  const auto correction = [&](double rotations) {
    return dim *
           std::log(static_cast<double>(c.original_max_positions) /
                    (rotations * 2 * std::numbers::pi)) /
           (2 * std::log(c.theta));
  };
  double low = correction(c.beta_fast);
  double high = correction(c.beta_slow);
  if (c.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dim - 1);
  if (low == high) high += 0.001;
  for (size_t i = 0; i < result.size(); ++i) {
    const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    result[i] = result[i] / c.factor * ramp + result[i] * (1 - ramp);
  }
  return result;
}

Frequencies longrope(const RopeConfig& c, int64_t length) {
  const auto& factors = length > c.original_max_positions ? c.long_factor : c.short_factor;
  Frequencies result = plain(c.theta, c.dim);
  for (size_t i = 0; i < result.size(); ++i) result[i] /= factors[i];
  return result;
}

/// Gemma 4: the first angles turn as if all did, the others not at all.
Frequencies proportional(const RopeConfig& c) {
  Frequencies result = plain(c.theta, c.dim);
  const auto turning = static_cast<size_t>(c.share * static_cast<double>(c.dim) / 2);
  for (size_t i = 0; i < result.size(); ++i) result[i] = i < turning ? result[i] / c.factor : 0;
  return result;
}

double yarn_mscale(double factor, double mscale) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

double attention_factor(const RopeConfig& c) {
  if (c.attention_factor > 0) return c.attention_factor;
  if (c.kind == RopeKind::Yarn) {
    if (c.mscale > 0 && c.mscale_all_dim > 0)
      return yarn_mscale(c.factor, c.mscale) / yarn_mscale(c.factor, c.mscale_all_dim);
    return yarn_mscale(c.factor, 1);
  }
  if (c.kind == RopeKind::LongRope && c.factor > 1) {
    return std::sqrt(1 +
                     std::log(c.factor) / std::log(static_cast<double>(c.original_max_positions)));
  }
  return 1;
}

Frequencies frequencies(const RopeConfig& c, int64_t length) {
  switch (c.kind) {
    case RopeKind::Default:
      return plain(c.theta, c.dim);
    case RopeKind::Linear: {
      Frequencies result = plain(c.theta, c.dim);
      for (double& frequency : result) frequency /= c.factor;
      return result;
    }
    case RopeKind::Dynamic:
      return dynamic(c, length);
    case RopeKind::Llama3:
      return llama3(c);
    case RopeKind::Yarn:
      return yarn(c);
    case RopeKind::LongRope:
      return longrope(c, length);
    case RopeKind::Proportional:
      return proportional(c);
  }
  fail(ErrorCode::Internal, "unknown rope kind");
}

}  // namespace

double scaled_attention(const RopeConfig& config) {
  if (config.kind == RopeKind::Default || config.mscale_all_dim == 0) return 1;
  const double each = yarn_mscale(config.factor, config.mscale_all_dim);
  return each * each;
}

RopeTables rope_tables(const RopeConfig& config, int64_t first, int64_t count) {
  const Frequencies inverse = frequencies(config, first + count);
  // float32 as in transformers, so that large positions round alike.
  const auto frequency = at::tensor(inverse, at::kDouble).to(at::kFloat);
  const auto positions = at::arange(first, first + count, at::kFloat);
  const auto half = positions.unsqueeze(1) * frequency.unsqueeze(0);
  const auto angles = at::cat({half, half}, 1);
  const double factor = attention_factor(config);
  return {at::cos(angles) * factor, at::sin(angles) * factor};
}

}  // namespace mpq
