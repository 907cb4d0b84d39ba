// Picks the likeliest choices and counts the right ones.
#include "choice.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "mean_over_prompts.h"
#include "mpq/core/error.h"

namespace mpq {

ChoiceAccuracy choice_accuracy(const std::vector<EvalPrompt>& prompts,
                               const std::vector<double>& log_likelihoods) {
  std::vector<double> plain;
  std::vector<double> normalized;
  size_t used = 0;
  const auto right = [](const std::vector<double>& scores, int label) {
    return std::max_element(scores.begin(), scores.end()) - scores.begin() == label ? 1.0 : 0.0;
  };
  for (const auto& prompt : prompts) {
    if (prompt.choices.empty()) {
      normalized.push_back(std::numeric_limits<double>::quiet_NaN());
      continue;
    }
    require(used + prompt.choices.size() <= log_likelihoods.size(), ErrorCode::Internal,
            "{}: a choice has no log-likelihood", prompt.source);
    std::vector<double> sums;
    std::vector<double> per_byte;
    for (const int64_t bytes : prompt.choice_bytes) {
      sums.push_back(log_likelihoods[used++]);
      require(std::isfinite(sums.back()), ErrorCode::Numeric,
              "{}: the log-likelihood of a choice is {}; try --dtype float32, or check the "
              "checkpoint",
              prompt.source, sums.back());
      per_byte.push_back(sums.back() / static_cast<double>(bytes));
    }
    plain.push_back(right(sums, prompt.label));
    normalized.push_back(right(per_byte, prompt.label));
  }
  return {mean_over_prompts(plain), mean_over_prompts(normalized), normalized};
}

}  // namespace mpq
