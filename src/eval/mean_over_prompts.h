#pragma once
// Means of figures that each prompt has once.
#include <optional>
#include <vector>

#include "mpq/model/divergence.h"

namespace mpq {

/// Mean and its standard error over the values that are not NaN; `tokens` is their number. None
/// when there are none.
std::optional<MeanWithError> mean_over_prompts(const std::vector<double>& values);

}  // namespace mpq
