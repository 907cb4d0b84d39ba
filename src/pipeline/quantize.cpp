// The quantize stage: a plan becomes a packed checkpoint.
#include <algorithm>
#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/core/log.h"
#include "mpq/core/utf8.h"
#include "mpq/io/output_folder.h"
#include "mpq/pipeline/candidates.h"
#include "mpq/pipeline/checkpoint.h"
#include "mpq/pipeline/estimate.h"
#include "mpq/pipeline/manifest.h"
#include "mpq/pipeline/output_record.h"
#include "mpq/pipeline/plan_session.h"
#include "mpq/pipeline/quantize_walk.h"
#include "mpq/pipeline/stages.h"
#include "mpq/pipeline/timings.h"

namespace mpq {
namespace {

/// A person may have edited the plan: bytes are computed anew in the plan's own format, whatever is
/// written now.
void refresh_bytes(const Model& model, const Format& format, Plan& plan) {
  const auto choices = resolve_plan(plan, model);
  for (size_t i = 0; i < choices.size(); ++i) {
    plan.units[i].bytes = unit_bytes(model.config(), choices[i].unit,
                                     encoding_of(choices[i].spec, model.stored_dtype()), format,
                                     model.stored_dtype());
  }
  const int64_t bytes = linear_bytes(plan, model);
  plan.header["achieved"]["effective_bits"] =
      8.0 * static_cast<double>(bytes) / static_cast<double>(model.config().quantizable_weights());
  plan.header["achieved"]["bytes"] = bytes;
}

/// Of the linears that the plan names, codes alone.
double code_bits(const Model& model, const Plan& plan) {
  int64_t bytes = 0, weights = 0;
  for (const auto& [unit, spec] : resolve_plan(plan, model)) {
    if (unit.end != End::None) continue;
    bytes += code_bytes(encoding_of(spec, model.stored_dtype()), unit.out, unit.in);
    weights += unit.weights();
  }
  return 8.0 * static_cast<double>(bytes) / static_cast<double>(std::max<int64_t>(1, weights));
}

/// Says a budget that is broken, of whichever kind; `file_bytes` as they will be written.
void warn_of_budget(const Model& model, const Plan& plan, int64_t file_bytes) {
  const auto budget = json_get_or<Json>(plan.header, "budget", Json::object(), "plan");
  const auto value = json_get_or<double>(budget, "value", 0.0, "plan: budget");
  const auto kind = json_get_or<std::string>(budget, "kind", "", "plan: budget");
  const double bits = plan.header["achieved"]["effective_bits"];
  if (kind == "effective_bits" && bits > value)
    log_warning("the plan takes {:.4f} bits a weight, its budget is {}", bits, value);
  const double codes = kind == "code_bits" ? code_bits(model, plan) : 0;
  if (codes > value)
    log_warning("the plan's codes take {:.4f} bits a weight, its budget is {}", codes, value);
  if (kind == "file_bytes" && static_cast<double>(file_bytes) > value)
    log_warning("the checkpoint takes {} bytes, the plan's budget is {:.0f}", file_bytes, value);
}

}  // namespace

Json quantize(const CommonOptions& common, const QuantizeOptions& given) {
  Plan plan = read_plan(given.plan);
  QuantizeOptions options = given;
  if (options.format.empty()) {
    options.format =
        json_get_or<std::string>(plan.header, "format", "compressed-tensors", options.plan);
  }
  Session session = open_plan_session(common, plan, options.plan);
  const std::string stage = output_stage("quantize", options.out);
  const bool own = made_here(session.work, stage, options.out);
  std::vector<std::string> inputs = session.inputs();
  inputs.push_back(session.work.path());
  require_apart(options.out, inputs, "--out", own);
  require_output_folder(options.out, common.overwrite || own);
  const auto format = Registry<Format>::instance().make(options.format);
  const auto planned_format =
      json_get_or<std::string>(plan.header, "format", options.format, options.plan);
  refresh_bytes(*session.model, *Registry<Format>::instance().make(planned_format), plan);
  const int64_t predicted = format->file_bytes(export_job(*session.model, plan, nullptr));
  warn_of_budget(*session.model, plan, predicted);
  Json summary = {{"stage", "quantize"},
                  {"out", options.out},
                  {"format", options.format},
                  {"effective_bits", plan.header["achieved"]["effective_bits"]},
                  {"bytes", plan.header["achieved"]["bytes"]},
                  {"file_bytes", predicted}};
  const double text_share = json_get_or<double>(plan.header, "text_share", 0.2, options.plan);
  plan.header["achieved"]["file_bytes"] = predicted;
  const std::string key =
      key_of({{"stage", "quantize"},
              {"calibration", session.calibration_key()},
              {"plan", to_json(plan)},
              {"format", options.format},
              {"dtype", at::toString(session.model->dtype())},
              {"seed", common.seed},
              {"out", path_to_text(std::filesystem::absolute(options.out).string())}});
  const bool done = output_stands(session.work, stage, key, options.out);
  if (common.dry_run) {
    summary["dry_run"] = true;
    summary["skipped"] = done;
    summary["units"] = plan.units.size();
    const QuantizeCost cost =
        walk_cost(session.model->config(), calibration_groups(session.prompts, {}),
                  resolve_plan(plan, *session.model), text_share);
    summary["products"] = cost.products;
    summary["training_steps"] = cost.training_steps;
    const RunSize size = size_of_job(*session.model, session.prompts);
    summary["seconds"] =
        estimated_seconds(*session.model, quantize_work(size, static_cast<double>(cost.products)));
    summary["peak_bytes"] = peak_of(size).quantize;
    return summary;
  }
  if (done) {
    log_info("quantize: {} is up to date; skipped", options.out);
    summary["skipped"] = true;
    return summary;
  }
  const StageTimer timer("quantize");
  OutputFolder folder(options.out, common.overwrite || own);
  const std::string parts = ensure_parts(session, plan, text_share, "quantize");
  const FoldedParts folded(*session.model, parts);
  const int64_t written = format->write(export_job(*session.model, plan, &folded), folder);
  require(written == predicted, ErrorCode::Internal,
          "{}: {} bytes were predicted, {} are on disk; please report this", options.out, predicted,
          written);
  write_manifest(folder.temporary());
  folder.commit();
  record_output(session.work, stage, key, options.out);
  timer.record(session.common.work);
  return summary;
}

}  // namespace mpq
