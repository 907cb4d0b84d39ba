// Counts and one warning.
#include "mpq/pipeline/experts.h"

#include <algorithm>
#include <cmath>

#include "mpq/calib/stage_moments.h"
#include "mpq/core/log.h"

namespace mpq {

Json expert_coverage(const std::vector<BlockStatistics>& blocks) {
  std::vector<int64_t> rows;
  for (const auto& block : blocks)
    rows.insert(rows.end(), block.expert_rows.begin(), block.expert_rows.end());
  if (rows.empty()) return nullptr;
  std::sort(rows.begin(), rows.end());
  return {{"experts", rows.size()},
          {"rows_minimum", rows.front()},
          {"rows_tenth", rows[rows.size() / 10]},
          {"rows_median", rows[rows.size() / 2]},
          {"unseen", std::count(rows.begin(), rows.end(), int64_t{0})}};
}

void warn_of_thin_experts(const Json& coverage, const ModelConfig& config, int64_t prompts) {
  if (coverage.is_null()) return;
  const double wanted =
      kBorrowedRows * static_cast<double>(std::max(config.hidden, config.widest()));
  const auto tenth = static_cast<double>(coverage.at("rows_tenth").get<int64_t>());
  if (tenth >= wanted) return;
  const double enough = static_cast<double>(prompts) * wanted / std::max(1.0, tenth);
  log_warning(
      "the calibration is thin: of {} experts a tenth were sent {} tokens or fewer, {} none; they "
      "borrow from the others. About {:.0f} prompts like these, not {}, would send each some "
      "{:.0f}",
      coverage.at("experts").dump(), coverage.at("rows_tenth").dump(), coverage.at("unseen").dump(),
      std::ceil(enough), prompts, wanted);
}

}  // namespace mpq
