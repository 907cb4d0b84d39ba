// The allocate stage: budgets to plans, verified on held-out prompts.
#include <cmath>
#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/core/log.h"
#include "mpq/pipeline/budget.h"
#include "mpq/pipeline/plan_file.h"
#include "mpq/pipeline/sensitivity.h"
#include "mpq/pipeline/stages.h"
#include "mpq/pipeline/targets.h"
#include "mpq/pipeline/verify.h"

namespace mpq {
namespace {

Plan make_plan(const Session& session, const Sensitivity& sensitivity,
               const AllocateOptions& options, const Allocation& allocation) {
  const auto& config = session.model->config();
  Plan plan;
  plan.header = {{"schema", "mpq-plan/1"},
                 {"model",
                  {{"path", session.calibration.at("model")},
                   {"sha256", session.calibration.at("model_sha256")}}},
                 {"task",
                  {{"path", session.calibration.at("task")},
                   {"sha256", session.calibration.at("task_sha256")}}},
                 {"scorer", sensitivity.header.at("scorer")},
                 {"loss_unit", sensitivity.header.at("unit")},
                 {"allocator", options.allocator},
                 {"text_share", sensitivity.header.at("text_share")},
                 {"seed", session.common.seed},
                 {"work", std::filesystem::absolute(session.work.path()).lexically_normal()}};
  for (size_t u = 0; u < sensitivity.units.size(); ++u) {
    const auto& candidate =
        sensitivity.problem.units[u].candidates[static_cast<size_t>(allocation.choice[u])];
    const Unit& unit = sensitivity.units[u].unit;
    plan.units.push_back(
        {unit.name, unit_modules(config, unit), candidate.spec, candidate.bytes, candidate.loss});
  }
  return plan;
}

Json achieved(const Session& session, const Plan& plan, const std::string& format) {
  int64_t bytes = 0;
  for (const auto& unit : plan.units) bytes += unit.bytes;
  const double weights = static_cast<double>(session.model->config().quantizable_weights());
  return {{"effective_bits", 8.0 * static_cast<double>(bytes) / weights},
          {"bytes", bytes},
          {"file_bytes", checkpoint_bytes(session, plan, format)}};
}

/// "plan.json" for one budget; "plan-2.5.json" and so on for several.
std::string plan_path(const std::string& out, const Budget& budget, bool several) {
  if (!several) return out;
  const std::filesystem::path path(out);
  return (path.parent_path() /
          fmt::format("{}-{}{}", path.stem().string(), budget.label, path.extension().string()))
      .string();
}

Json solve_budget(Session& session, const ScoreOptions& scoring, const AllocateOptions& options,
                  const Sensitivity& sensitivity, const Budget& budget, bool several) {
  const auto& registry = Registry<Allocator>::instance();
  const Allocation chosen =
      solve_within(session, scoring, sensitivity, budget, *registry.make(options.allocator));
  Plan plan = make_plan(session, sensitivity, options, chosen);
  plan.header["target"] = scoring.target;
  plan.header["format"] = scoring.format;
  plan.header["budget"] = {{"kind", budget.kind}, {"value", budget.value}};
  plan.header["achieved"] = achieved(session, plan, scoring.format);
  plan.header["objective"] = {{"predicted_loss", chosen.predicted_loss},
                              {"lower_bound", chosen.lower_bound},
                              {"gap", chosen.gap}};
  if (chosen.clipped > 0) plan.header["objective"]["clipped_eigenvalues"] = chosen.clipped;
  if (options.verify) {
    // An allocator that sets its own size is compared at that size.
    const Budget same = budget.kind == "none"
                            ? Budget{"unit_bytes", static_cast<double>(chosen.bytes), budget.label}
                            : budget;
    const Allocation uniform =
        solve_within(session, scoring, sensitivity, same, *registry.make("uniform"));
    Plan rival = make_plan(session, sensitivity, options, uniform);
    rival.header["achieved"] = achieved(session, rival, scoring.format);
    write_json_file(session.work.file("uniform.json"), to_json(rival));
    const Verification verified = verify_plans(session, plan, rival, scoring.text_share);
    plan.header["verified"] = verified.json;
    if (!verified.plan_kept) {
      log_warning("the uniform plan measured better on held-out prompts and is kept");
      plan.units = rival.units;
      plan.header["achieved"] = achieved(session, plan, scoring.format);
    }
  }
  for (const auto& fault :
       target_faults(target_named(scoring.target), plan, session.model->config()))
    log_warning("{}", fault);
  const std::string path = plan_path(options.out, budget, several);
  write_json_file(path, to_json(plan));
  Json summary = {{"plan", path},
                  {"budget", plan.header["budget"]},
                  {"achieved", plan.header["achieved"]},
                  {"objective", plan.header["objective"]}};
  if (options.verify) summary["verified"] = plan.header["verified"];
  return summary;
}

}  // namespace

Json allocate(const CommonOptions& common, const ScoreOptions& scoring,
              const AllocateOptions& options) {
  Session session(common);
  const std::vector<Budget> budgets = parse_budgets(options);
  if (common.dry_run) {
    Json summary = describe_scoring(session, scoring);
    summary["stage"] = "allocate";
    summary["plans"] = budgets.size();
    return summary;
  }
  const Sensitivity sensitivity = sensitivity_for_choice(session, scoring);
  Json plans = Json::array();
  for (const auto& budget : budgets) {
    plans.push_back(
        solve_budget(session, scoring, options, sensitivity, budget, budgets.size() > 1));
  }
  return {{"stage", "allocate"}, {"plans", plans}};
}

}  // namespace mpq
