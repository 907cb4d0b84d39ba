#pragma once
// Multiple choice by log-likelihood.
#include <optional>
#include <vector>

#include "mpq/eval/evaluate.h"

namespace mpq {

struct ChoiceAccuracy {
  std::optional<MeanWithError> plain, normalized;  // none when no prompt has choices
  std::vector<double> right_per_byte;              // by prompt, 0 or 1; NaN without choices
};

/// `log_likelihoods`: of every choice of every prompt, in order. The choice with the largest sum
/// (normalised: per byte) is the answer; ties go to the first.
ChoiceAccuracy choice_accuracy(const std::vector<EvalPrompt>& prompts,
                               const std::vector<double>& log_likelihoods);

}  // namespace mpq
