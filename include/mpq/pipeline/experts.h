#pragma once
// How the calibration tokens spread over a mixture's experts.
#include "mpq/calib/block_statistics.h"
#include "mpq/core/json_file.h"

namespace mpq {

/// Experts of all blocks, and the rows that they were sent: minimum, a tenth of them, median, how
/// many saw none. Null without a mixture.
Json expert_coverage(const std::vector<BlockStatistics>& blocks);
/// Warns where more than a tenth of the experts were sent fewer rows than make a Hessian mostly of
/// their own, and says how many prompts would do. `prompts`: those that the coverage is of.
void warn_of_thin_experts(const Json& coverage, const ModelConfig& config, int64_t prompts);

}  // namespace mpq
