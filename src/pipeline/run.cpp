// All stages in one go, then the report.
#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/io/output_folder.h"
#include "mpq/pipeline/budget.h"
#include "mpq/pipeline/calibration_input.h"
#include "mpq/pipeline/estimate.h"
#include "mpq/pipeline/output_record.h"
#include "mpq/pipeline/run_checks.h"
#include "mpq/pipeline/stages.h"
#include "mpq/pipeline/work_folder.h"

namespace mpq {
namespace {

/// Whether the output that stands there is an earlier run's.
bool made_by_run(const CommonOptions& common, const QuantizeOptions& options) {
  if (!std::filesystem::exists(common.work + "/manifest.json")) return false;
  const WorkFolder work(common.work, WorkFolder::Access::Look, common.command);
  return made_here(work, output_stage("quantize", options.out), options.out);
}

/// Bytes of the weights that the budget leaves: of linears by their bits, of others as they are.
int64_t planned_bytes(const Model& model, const Budget& budget) {
  if (budget.kind == "file_bytes") return static_cast<int64_t>(budget.value);
  const WeightSource& weights = model.weights();
  int64_t bytes = 0;
  for (const auto& name : weights.names()) {
    auto size = static_cast<int64_t>(c10::elementSize(weights.dtype(name)));
    for (const int64_t dim : weights.shape(name)) size *= dim;
    bytes += size;
  }
  const int64_t linears = model.config().quantizable_weights();
  bytes -= linears * static_cast<int64_t>(c10::elementSize(model.stored_dtype()));
  return bytes + static_cast<int64_t>(static_cast<double>(linears) * budget.value / 8);
}

}  // namespace

Json run_all(const CommonOptions& common, const CalibrateOptions& calibration,
             const ScoreOptions& scoring, const AllocateOptions& allocation,
             const QuantizeOptions& quantization, const EvalOptions& evaluation) {
  std::vector<std::string> inputs{calibration.model, common.work};
  inputs.insert(inputs.end(), calibration.task.begin(), calibration.task.end());
  inputs.insert(inputs.end(), calibration.text.begin(), calibration.text.end());
  const bool own = made_by_run(common, quantization);
  require_apart(quantization.out, inputs, "--out", own);
  require(!calibration.model.empty(), ErrorCode::Usage,
          "--model is missing: name a checkpoint folder");
  check_run(common, {calibration, scoring, allocation, quantization, evaluation}, own);
  Json summary = {{"stage", "run"}};
  if (common.dry_run) {
    const CalibrationInput input = calibration_input(common, calibration);
    summary["calibrate"] = dry_calibration(input);
    summary["estimate"] = estimate_run(*input.model, input.prompts, scoring, common.seed);
    summary["estimate"]["bytes"] = planned_bytes(*input.model, parse_budgets(allocation).front());
    // Later stages are described from the calibration when there is one.
    if (std::filesystem::exists(common.work + "/manifest.json"))
      summary["allocate"] = allocate(common, scoring, allocation);
    return summary;
  }
  summary["calibrate"] = calibrate(common, calibration);
  summary["allocate"] = allocate(common, scoring, allocation);
  summary["quantize"] = quantize(common, quantization);
  const Json reported = report(
      common, {quantization.plan, quantization.out, common.work + "/report.html"}, evaluation);
  summary["comparison"] = reported.at("comparison");
  summary["report"] = reported.at("report");
  return summary;
}

}  // namespace mpq
