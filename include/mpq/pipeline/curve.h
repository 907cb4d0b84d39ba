#pragma once
// Budgets against losses: predicted for a whole range, measured where plans were verified; and
// whether the additive prediction held.
#include <vector>

#include "mpq/pipeline/budget.h"

namespace mpq {

/// A plan's additive prediction beside its measured joint loss.
struct Prediction {
  double predicted = 0, measured = 0;
};

/// Spearman's rank correlation, ties averaged; NaN with fewer than three pairs or without spread.
double rank_correlation(const std::vector<Prediction>& pairs);
/// {"plans", "rank_correlation", "ratio": {"min", "median", "max"}} of measured over predicted;
/// null where there are too few.
Json additivity(const std::vector<Prediction>& pairs);

/// curve.json: `plans` as allocate's summary lists them, and what the allocator and the best
/// uniform plan are predicted to lose between the smallest and the largest plan.
Json budget_curve(const Session& session, const ScoreOptions& scoring,
                  const Sensitivity& sensitivity, const AllocateOptions& options,
                  const Json& plans);

}  // namespace mpq
