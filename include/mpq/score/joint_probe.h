#pragma once
// Whole plans measured together: what many units lose when all of them are quantized.
#include <vector>

#include "mpq/score/output_probe.h"

namespace mpq {

/// A candidate for every unit of the context.
using Choice = std::vector<int>;

struct JointLoss {
  MeanWithError loss;        // KL to full precision, task plus text_weight * text
  MeanWithError difference;  // to the first plan, paired by token
};

/// One pass over the weights serves all plans: each candidate that any of them uses is quantized
/// once, from the full-precision prefix as when it was scored alone, and plans share their hidden
/// states up to the first block in which they differ. Throws Error(Numeric) when the first plan's
/// loss is not finite; those of others, and their differences, may be.
std::vector<JointLoss> joint_losses(const ScoreContext& context, const std::vector<Choice>& plans,
                                    double text_weight);

}  // namespace mpq
