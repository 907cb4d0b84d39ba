// The allocate stage: budgets to plans, verified on held-out prompts.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/core/hash.h"
#include "mpq/core/log.h"
#include "mpq/core/utf8.h"
#include "mpq/io/output_file.h"
#include "mpq/io/output_folder.h"
#include "mpq/pipeline/budget.h"
#include "mpq/pipeline/curve.h"
#include "mpq/pipeline/estimate.h"
#include "mpq/pipeline/plan_file.h"
#include "mpq/pipeline/refine.h"
#include "mpq/pipeline/scoring.h"
#include "mpq/pipeline/sensitivity.h"
#include "mpq/pipeline/stages.h"
#include "mpq/pipeline/targets.h"
#include "mpq/pipeline/timings.h"
#include "mpq/pipeline/verify.h"

namespace mpq {
namespace {

/// Everything that plans of one `allocate` share.
struct AllocateJob {
  Session& session;
  const ScoreOptions& scoring;
  const AllocateOptions& options;
  const Sensitivity& sensitivity;
  bool measured_losses() const { return sensitivity.header.at("unit") == "nats/token"; }
};

Json achieved(const AllocateJob& job, const Plan& plan) {
  const int64_t bytes = linear_bytes(plan, *job.session.model);
  const double weights = static_cast<double>(job.session.model->config().quantizable_weights());
  return {{"effective_bits", 8.0 * static_cast<double>(bytes) / weights},
          {"bytes", bytes},
          {"file_bytes", checkpoint_bytes(job.session, plan, job.scoring.format)}};
}

Json objective(const Allocation& allocation) {
  Json json = {{"predicted_loss", allocation.predicted_loss},
               {"lower_bound", allocation.lower_bound},
               {"gap", allocation.gap}};
  if (allocation.clipped > 0) json["clipped_eigenvalues"] = allocation.clipped;
  return json;
}

Plan make_plan(const AllocateJob& job, const Budget& budget, const Allocation& allocation) {
  const Session& session = job.session;
  const auto& header = job.sensitivity.header;
  Plan plan;
  plan.header = {{"schema", "mpq-plan/1"},
                 {"model",
                  {{"path", session.calibration.at("model")},
                   {"sha256", session.calibration.at("model_sha256")}}},
                 {"task",
                  {{"path", session.calibration.at("task")},
                   {"sha256", session.calibration.at("task_sha256")}}},
                 {"scorer", header.at("scorer")},
                 {"loss_unit", header.at("unit")},
                 {"allocator", job.options.allocator},
                 {"text_share", header.at("text_share")},
                 {"seed", session.common.seed},
                 {"command", session.common.command},
                 {"work", lasting_path(session.work.path())},
                 {"target", job.scoring.target},
                 {"format", job.scoring.format},
                 {"budget", {{"kind", budget.kind}, {"value", budget.value}}}};
  for (size_t u = 0; u < job.sensitivity.units.size(); ++u) {
    const auto& candidate =
        job.sensitivity.problem.units[u].candidates[static_cast<size_t>(allocation.choice[u])];
    const Unit& unit = job.sensitivity.units[u].unit;
    plan.units.push_back({unit.name, unit_modules(session.model->config(), unit), candidate.spec,
                          candidate.bytes, candidate.loss});
  }
  plan.header["achieved"] = achieved(job, plan);
  plan.header["objective"] = objective(allocation);
  const bool scored = !job.sensitivity.path.empty();
  plan.header["made_from"] = {
      {"calibration", session.calibration_key()},
      {"scores", scored ? Json(job.sensitivity.key) : Json()},
      {"scores_sha256", scored ? Json(sha256_of_file(job.sensitivity.path)) : Json()},
      {"rival", nullptr},
      {"curve", nullptr}};
  return plan;
}

/// "plan.json" for one budget; "plan-2.5.json" and so on for several.
std::string plan_path(const std::string& out, const Budget& budget, bool several) {
  if (!several) return out;
  const std::filesystem::path path(out);
  return (path.parent_path() /
          fmt::format("{}-{}{}", path.stem().string(), budget.label, path.extension().string()))
      .string();
}

/// Exchanges by measured joint loss; on held-out prompts the refined plan must not be worse.
Plan refined_plan(const AllocateJob& job, const Budget& budget, const Allocation& chosen,
                  const Plan& plan) {
  const bool bits = budget.kind == "effective_bits" || budget.kind == "code_bits";
  const int64_t limit = bits ? bytes_of_bits(*job.session.model, budget.value) : chosen.bytes;
  Sensitivity counted = job.sensitivity;
  counted.problem = counted_problem(job.sensitivity, budget);
  Refinement refinement =
      refine_allocation(job.session, job.scoring, counted, chosen, {job.options.refine, limit});
  Plan result = plan;
  if (refinement.allocation.choice != chosen.choice) {
    Plan refined = make_plan(job, budget, refinement.allocation);
    bool kept = true;
    if (job.options.verify) {
      const Verification held_out =
          verify_plans(job.session, refined, plan,
                       {job.scoring.text_share, job.options.max_general_kl, "the unrefined plan"});
      kept = held_out.plan_kept;
      refinement.json["held_out"] = {{"refined", held_out.json.value("plan", Json())},
                                     {"unrefined", held_out.json.value("uniform", Json())},
                                     {"difference", held_out.json.value("difference", Json())}};
    }
    refinement.json["kept"] = kept;
    if (kept) result = std::move(refined);
  }
  result.header["refined"] = refinement.json;
  return result;
}

/// The best uniform plan of the same budget; an allocator that sets its own size is compared at
/// that size.
Plan uniform_plan(const AllocateJob& job, const Budget& budget, int64_t bytes) {
  const Budget same = budget.kind == "none"
                          ? Budget{"unit_bytes", static_cast<double>(bytes), budget.label}
                          : budget;
  const auto uniform = Registry<Allocator>::instance().make("uniform");
  return make_plan(job, budget,
                   solve_within(job.session, job.scoring, job.sensitivity, same, *uniform));
}

/// Beside a measured KL, what the additive losses predicted, and the same loss as it was measured.
void add_prediction(const AllocateJob& job, const Plan& plan, Json& side) {
  if (!side.contains("kl") || !job.measured_losses()) return;
  const double text_weight = text_weight_of(job.sensitivity.header.at("scorer"));
  const double predicted = plan.header.at("objective").at("predicted_loss");
  const double measured = side.at("kl").get<double>() + text_weight * side.value("text_kl", 0.0);
  side["predicted_loss"] = predicted;
  side["measured_loss"] = measured;
  if (predicted > 0) side["measured_over_predicted"] = measured / predicted;
}

void verify_plan(const AllocateJob& job, const Budget& budget, Plan& plan) {
  const Plan rival = uniform_plan(job, budget, plan.header.at("achieved").at("bytes"));
  const Verification verified =
      verify_plans(job.session, plan, rival, {job.scoring.text_share, job.options.max_general_kl});
  plan.header["verified"] = verified.json;
  if (verified.json.contains("plan")) {
    plan.header["made_from"]["rival"] = job.session.work.keep("plans", to_json(rival));
    add_prediction(job, plan, plan.header["verified"]["plan"]);
    add_prediction(job, rival, plan.header["verified"]["uniform"]);
  }
  if (verified.plan_kept) return;
  log_warning("the uniform plan measured better on held-out prompts and is kept");
  plan.units = rival.units;
  plan.header["achieved"] = rival.header["achieved"];
  plan.header["objective"] = rival.header["objective"];
}

Json summary_of(const std::string& path, const Plan& plan) {
  Json summary = {{"plan", path}};
  for (const char* fact : {"budget", "achieved", "objective", "refined", "verified"}) {
    if (plan.header.contains(fact)) summary[fact] = plan.header[fact];
  }
  return summary;
}

/// What a plan is made from.
std::string plan_key(const AllocateJob& job, const Budget& budget) {
  const AllocateOptions& options = job.options;
  return key_of({{"stage", "allocate"},
                 {"scores", job.sensitivity.key},
                 {"budget", {budget.kind, budget.value}},
                 {"allocator", options.allocator},
                 {"target", job.scoring.target},
                 {"verify", options.verify},
                 {"format", job.scoring.format},
                 {"max_general_kl", options.max_general_kl},
                 {"refine", options.refine}});
}

/// A plan and where it goes; `made` now, or by an earlier command from the same inputs.
struct PlanFile {
  std::string path;
  std::string key;
  Plan plan;
  bool made = true;
};

std::string stage_of(const PlanFile& file) {
  return "allocate " + std::filesystem::absolute(file.path).string();
}

PlanFile solve_budget(const AllocateJob& job, const Budget& budget, bool several) {
  PlanFile file{plan_path(job.options.out, budget, several), plan_key(job, budget), {}, true};
  WorkFolder& work = job.session.work;
  // A person may have edited the plan: then it is made again.
  if (work.up_to_date(stage_of(file), file.key) && std::filesystem::exists(file.path) &&
      work.facts(stage_of(file)).value("sha256", "") == sha256_of_file(file.path)) {
    log_info("allocate: {} is up to date; skipped", file.path);
    file.plan = read_plan(file.path);
    file.made = false;
    return file;
  }
  const auto allocator = Registry<Allocator>::instance().make(job.options.allocator);
  const Allocation chosen =
      solve_within(job.session, job.scoring, job.sensitivity, budget, *allocator);
  file.plan = make_plan(job, budget, chosen);
  if (job.options.refine > 0) file.plan = refined_plan(job, budget, chosen, file.plan);
  if (job.options.verify) verify_plan(job, budget, file.plan);
  const auto& target = target_named(job.scoring.target);
  for (const auto& fault : target_faults(target, file.plan, *job.session.model))
    log_warning("{}", fault);
  return file;
}

void write_plan(const AllocateJob& job, const std::string& curve, PlanFile& file) {
  if (!file.made) return;
  file.plan.header["made_from"]["curve"] = curve;
  write_json_file(file.path, to_json(file.plan));
  job.session.work.record(stage_of(file), file.key,
                          {{"plan", file.path}, {"sha256", sha256_of_file(file.path)}});
}

}  // namespace

Json allocate(const CommonOptions& common, const ScoreOptions& asked,
              const AllocateOptions& options) {
  ScoreOptions scoring = with_target(asked);
  scoring.ends = !options.target_size.empty();
  Session session(common);
  const std::vector<Budget> budgets = parse_budgets(options);
  Registry<Allocator>::instance().make(options.allocator);  // says what is wrong with it
  for (const auto& budget : budgets) {
    const std::string path = plan_path(options.out, budget, budgets.size() > 1);
    require_apart(path, session.inputs(), "--out");
    require_output_file(path, "\"schema\": \"mpq-plan/", common.overwrite);
  }
  const ScoreContext context = score_context(session, scoring);
  require_feasible(session, scoring, context, budgets);
  if (common.dry_run) {
    Json summary = describe_scoring(session, scoring, context);
    summary["stage"] = "allocate";
    summary["plans"] = budgets.size();
    if (!options.verify) return summary;
    const RunSize size = size_of_job(*session.model, session.prompts);
    const RunWork work = work_of(size);
    const RunPeak peak = peak_of(size);
    summary["seconds"] = summary["seconds"].get<double>() +
                         estimated_seconds(*session.model, work.verified_plan() *
                                                               static_cast<double>(budgets.size()));
    summary["peak_bytes"] =
        std::max({summary["peak_bytes"].get<int64_t>(), peak.quantize, peak.evaluate});
    return summary;
  }
  const Sensitivity sensitivity = sensitivity_for_choice(session, scoring, context);
  const StageTimer timer("allocate and verify");
  const AllocateJob job{session, scoring, options, sensitivity};
  std::vector<PlanFile> files;
  Json plans = Json::array();
  for (const auto& budget : budgets) {
    files.push_back(solve_budget(job, budget, budgets.size() > 1));
    plans.push_back(summary_of(files.back().path, files.back().plan));
  }
  const Json curve = budget_curve(session, scoring, sensitivity, options, plans);
  const std::string kept = session.work.keep("curves", curve);
  for (auto& file : files) write_plan(job, kept, file);
  write_json_file(session.work.file("curve.json"), curve);  // by its name too, for people
  timer.record(common.work);
  return {{"stage", "allocate"}, {"plans", plans}, {"additivity", curve.at("additivity")}};
}

}  // namespace mpq
