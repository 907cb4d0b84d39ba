// The report stage: measures, gathers the work folder's files, and writes both forms.
#include <torch/version.h>

#include "mpq/core/error.h"
#include "mpq/io/output_file.h"
#include "mpq/io/output_folder.h"
#include "mpq/pipeline/comparison.h"
#include "mpq/pipeline/sensitivity.h"
#include "mpq/pipeline/stages.h"
#include "mpq/pipeline/timings.h"
#include "sections.h"

namespace mpq {
namespace {

/// report.json: everything that is the same in every run with these inputs.
Json report_json(const CommonOptions& common, const Session& session, const Plan& plan,
                 const Json& comparison) {
  Json calibration = session.calibration;
  calibration.erase("key");
  return {{"schema", "mpq-report/1"},  {"mpq", MPQ_VERSION},         {"libtorch", TORCH_VERSION},
          {"command", common.command}, {"calibration", calibration}, {"plan", to_json(plan)},
          {"comparison", comparison}};
}

/// The plan's own scores and curve; none for a plan written by hand.
ReportFacts gather(const Session& session, const Json& report) {
  const Json made_from = report.at("plan").value("made_from", Json::object());
  const auto scores = json_get_or<std::string>(made_from, "scores", "", "plan: made_from");
  const auto hash = json_get_or<std::string>(made_from, "scores_sha256", "", "plan: made_from");
  const auto curve = json_get_or<std::string>(made_from, "curve", "", "plan: made_from");
  return {report, report.at("plan"), curve.empty() ? Json() : session.work.kept(curve),
          scores.empty() ? Json() : session.work.kept(score_file(scores), hash),
          read_timings(session.work.path())};
}

}  // namespace

Json report(const CommonOptions& common, const ReportOptions& options,
            const EvalOptions& evaluation) {
  const StageTimer timer("report");
  const Plan plan = read_plan(options.plan);
  Session session(common, calibration_of(plan, options.plan));
  const auto planned = json_get<Json>(plan.header, "model", options.plan);
  require(json_get<std::string>(planned, "sha256", options.plan) ==
              session.calibration.at("model_sha256"),
          ErrorCode::Usage, "{}: was made for another model than the one in --work {}",
          options.plan, common.work);
  require_apart(options.out, session.inputs(), "--out");
  require_output_file(options.out, "<title>mpq: ", common.overwrite);
  Json summary = {{"stage", "report"}, {"report", options.out}};
  if (common.dry_run) {
    summary["dry_run"] = true;
    summary.update(estimate_comparison(session, evaluation));
    return summary;
  }
  try {
    const Json comparison = compare_plans(session, plan, options.checkpoint, evaluation);
    const Json report = report_json(common, session, plan, comparison);
    write_json_file(session.work.file("report.json"), report);
    timer.record(common.work);
    write_text_file(options.out, report_page(gather(session, report)));
    summary["comparison"] = comparison;
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorCode::Format, "{} or a file of --work {} is not complete: {}", options.plan,
         common.work, error.what());
  }
  return summary;
}

}  // namespace mpq
