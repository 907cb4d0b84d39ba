// Rope scalings that llama.cpp reads as tensors: Llama 3's, and Phi-3's long and short factors.
#include <cmath>
#include <numbers>

#include "mpq/core/error.h"
#include "tensors.h"

namespace mpq {
namespace {

GgufTensor factors(std::string name, std::vector<float> values) {
  GgufTensor tensor;
  tensor.name = std::move(name);
  tensor.shape = {static_cast<int64_t>(values.size())};
  tensor.kind = GgufTensor::Kind::RopeFactors;
  tensor.values = std::move(values);
  return tensor;
}

/// What each frequency is divided by. The converter computes in float32, with a division as a
/// product by the reciprocal, and so does this.
std::vector<float> llama3_factors(const RopeConfig& rope) {
  const double low = static_cast<double>(rope.original_max_positions) / rope.low_freq_factor;
  const double high = static_cast<double>(rope.original_max_positions) / rope.high_freq_factor;
  std::vector<float> result;
  for (int64_t i = 0; i < rope.dim; i += 2) {
    const float exponent = static_cast<float>(i) / static_cast<float>(rope.dim);
    const float frequency = 1.0F / std::pow(static_cast<float>(rope.theta), exponent);
    const float wavelength = 1.0F / frequency * static_cast<float>(2 * std::numbers::pi);
    if (wavelength < static_cast<float>(high)) {
      result.push_back(1);
    } else if (wavelength > static_cast<float>(low)) {
      result.push_back(static_cast<float>(rope.factor));
    } else {
      const float ratio = 1.0F / wavelength * static_cast<float>(rope.original_max_positions);
      const float smooth = (ratio - static_cast<float>(rope.low_freq_factor)) /
                           static_cast<float>(rope.high_freq_factor - rope.low_freq_factor);
      result.push_back(1.0F / ((1.0F - smooth) / static_cast<float>(rope.factor) + smooth));
    }
  }
  return result;
}

std::vector<float> rounded(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

}  // namespace

std::vector<GgufTensor> gguf_rope_factors(const GgufGraph& graph, const RopeConfig& rope) {
  if (rope.kind == RopeKind::Llama3 && graph.llama3_factors)
    return {factors("rope_freqs.weight", llama3_factors(rope))};
  if (rope.kind == RopeKind::LongRope && graph.long_factors) {
    return {factors("rope_factors_long.weight", rounded(rope.long_factor)),
            factors("rope_factors_short.weight", rounded(rope.short_factor))};
  }
  return {};
}

double gguf_rope_attention_factor(const GgufGraph& graph, const RopeConfig& rope) {
  if (rope.kind != RopeKind::LongRope || !graph.long_factors) return 0;
  const auto original = static_cast<double>(rope.original_max_positions);
  const double scale = static_cast<double>(rope.max_positions) / original;
  return scale > 1 ? std::sqrt(1 + std::log(scale) / std::log(original)) : 1;
}

}  // namespace mpq
