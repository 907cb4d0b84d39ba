// All stages in one go, then the report.
#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/pipeline/budget.h"
#include "mpq/pipeline/stages.h"

namespace mpq {

Json run_all(const CommonOptions& common, const CalibrateOptions& calibration,
             const ScoreOptions& scoring, const AllocateOptions& allocation,
             const QuantizeOptions& quantization, const EvalOptions& evaluation) {
  require(parse_budgets(allocation).size() == 1, ErrorCode::Usage,
          "run makes one checkpoint: give one --budget, or use `mpq allocate` for a curve");
  Json summary = {{"stage", "run"}, {"calibrate", calibrate(common, calibration)}};
  if (common.dry_run) {
    // Later stages are described from the calibration when there is one.
    if (std::filesystem::exists(common.work + "/manifest.json"))
      summary["allocate"] = allocate(common, scoring, allocation);
    return summary;
  }
  summary["allocate"] = allocate(common, scoring, allocation);
  summary["quantize"] = quantize(common, quantization);
  const Json reported = report(
      common, {quantization.plan, quantization.out, common.work + "/report.html"}, evaluation);
  summary["comparison"] = reported.at("comparison");
  summary["report"] = reported.at("report");
  return summary;
}

}  // namespace mpq
