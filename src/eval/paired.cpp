// Paired differences and the exact sign test.
#include <algorithm>
#include <cmath>

#include "mean_over_prompts.h"
#include "mpq/core/error.h"
#include "mpq/eval/evaluate.h"

namespace mpq {
namespace {

/// Two-sided: twice the chance of at most min(plus, minus) heads in plus + minus fair tosses, at
/// most 1.
double sign_test(int64_t plus, int64_t minus) {
  const double n = static_cast<double>(plus + minus);
  double tail = 0;
  for (int64_t k = 0; k <= std::min(plus, minus); ++k) {
    const double heads = static_cast<double>(k);
    tail += std::exp(std::lgamma(n + 1) - std::lgamma(heads + 1) - std::lgamma(n - heads + 1) -
                     n * std::log(2.0));
  }
  return std::min(1.0, 2 * tail);
}

}  // namespace

PairedDifference compare_paired(const std::vector<double>& a, const std::vector<double>& b) {
  require(a.size() == b.size(), ErrorCode::Usage,
          "paired comparison: expected figures of the same prompts, found {} and {}", a.size(),
          b.size());
  std::vector<double> differences;
  int64_t plus = 0;
  int64_t minus = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = a[i] - b[i];  // NaN, which is left out, where one has no figure
    differences.push_back(difference);
    plus += difference > 0 ? 1 : 0;
    minus += difference < 0 ? 1 : 0;
  }
  PairedDifference result;
  const auto mean = mean_over_prompts(differences);
  if (!mean) return result;
  result.mean = mean->mean;
  result.stderr_ = mean->stderr_;
  result.sign_test_p = sign_test(plus, minus);
  result.pairs = mean->tokens;
  return result;
}

}  // namespace mpq
