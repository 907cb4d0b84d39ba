// The cluster bootstrap over sorted tokens: a resample only changes how often each token counts.
#include "bootstrap.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <random>

namespace mpq {
namespace {

constexpr int kResamples = 200;

/// Sorted values and the sequence of each.
struct SortedTokens {
  std::vector<double> values;
  std::vector<int64_t> sequence;
};

SortedTokens sort_tokens(const at::Tensor& values, const at::Tensor& sequence) {
  const auto [sorted, order] = values.to(at::kDouble).sort();
  const auto of = sequence.index_select(0, order).contiguous();
  const auto contiguous = sorted.contiguous();
  const double* value = contiguous.const_data_ptr<double>();
  const int64_t* place = of.const_data_ptr<int64_t>();
  return {{value, value + values.size(0)}, {place, place + values.size(0)}};
}

/// Linear interpolation between ranks, each token repeated as often as its sequence was drawn.
std::vector<double> weighted_quantiles(const SortedTokens& tokens,
                                       const std::vector<int64_t>& drawn,
                                       const std::vector<double>& quantiles) {
  int64_t total = 0;
  for (const int64_t sequence : tokens.sequence) total += drawn[static_cast<size_t>(sequence)];
  std::vector<double> result(quantiles.size(), 0);
  for (size_t q = 0; q < quantiles.size(); ++q) {
    const double place = quantiles[q] * static_cast<double>(total - 1);
    const auto below = static_cast<int64_t>(std::floor(place));
    const auto above = static_cast<int64_t>(std::ceil(place));
    double low = 0;
    double high = 0;
    int64_t passed = 0;
    for (size_t i = 0; i < tokens.values.size() && passed <= above; ++i) {
      const int64_t times = drawn[static_cast<size_t>(tokens.sequence[i])];
      if (passed <= below && below < passed + times) low = tokens.values[i];
      if (passed <= above && above < passed + times) high = tokens.values[i];
      passed += times;
    }
    result[q] = low + (high - low) * (place - static_cast<double>(below));
  }
  return result;
}

}  // namespace

std::vector<double> quantile_errors(const at::Tensor& values, const at::Tensor& sequence,
                                    int64_t sequences, const std::vector<double>& quantiles) {
  std::vector<double> errors(quantiles.size(), std::numeric_limits<double>::quiet_NaN());
  if (sequences < 2 || values.size(0) == 0) return errors;
  const SortedTokens tokens = sort_tokens(values, sequence);
  std::mt19937_64 random(0);
  std::vector<double> sum(quantiles.size(), 0);
  std::vector<double> squares(quantiles.size(), 0);
  std::vector<int64_t> drawn(static_cast<size_t>(sequences));
  for (int resample = 0; resample < kResamples; ++resample) {
    std::fill(drawn.begin(), drawn.end(), 0);
    for (int64_t i = 0; i < sequences; ++i) ++drawn[random() % static_cast<uint64_t>(sequences)];
    const auto found = weighted_quantiles(tokens, drawn, quantiles);
    for (size_t q = 0; q < found.size(); ++q) {
      sum[q] += found[q];
      squares[q] += found[q] * found[q];
    }
  }
  for (size_t q = 0; q < errors.size(); ++q) {
    const double mean = sum[q] / kResamples;
    const double variance = squares[q] / kResamples - mean * mean;  // rounding: a little below 0
    errors[q] = std::sqrt((variance < 0 ? 0 : variance) * kResamples / (kResamples - 1));
  }
  return errors;
}

}  // namespace mpq
