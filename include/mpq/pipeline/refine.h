#pragma once
// After solving: exchanges between units, tried by what whole plans lose.
#include "mpq/pipeline/sensitivity.h"

namespace mpq {

struct RefineOptions {
  int rounds = 1;
  int64_t budget_bytes = 0;  // of the units
};

struct Refinement {
  Allocation allocation;
  /// Of every round: what was tried and what it brought; and how well the additive prediction
  /// agreed with the measured joint losses.
  Json json;
};

/// Each round measures the exchanges (one unit gets more bits, another fewer) that the additive
/// losses promise most of, all in one pass over the weights, on calibration prompts; those that
/// help beyond their standard error are combined, and kept if the combination helps.
Refinement refine_allocation(Session& session, const ScoreOptions& scoring,
                             const Sensitivity& sensitivity, const Allocation& start,
                             const RefineOptions& options);

}  // namespace mpq
