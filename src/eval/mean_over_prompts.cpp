// The clustered mean with clusters of one.
#include "mean_over_prompts.h"

#include <ATen/ATen.h>

#include <cmath>

namespace mpq {

std::optional<MeanWithError> mean_over_prompts(const std::vector<double>& values) {
  std::vector<double> known;
  for (const double value : values) {
    if (!std::isnan(value)) known.push_back(value);
  }
  if (known.empty()) return std::nullopt;
  const auto count = static_cast<int64_t>(known.size());
  return mean_over_tokens(at::tensor(at::ArrayRef<double>(known), at::kDouble),
                          at::arange(count, at::kLong), count);
}

}  // namespace mpq
