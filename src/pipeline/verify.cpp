// Measures a plan and the uniform plan of the same budget on held-out prompts.
#include "mpq/pipeline/verify.h"

#include "mpq/core/log.h"
#include "mpq/pipeline/checkpoint.h"
#include "mpq/pipeline/eval_input.h"
#include "mpq/pipeline/kept_evaluation.h"

namespace mpq {
namespace {

Json measured(const Json& result) {
  Json json = Json::object();
  const auto add = [&](const char* divergence, const std::string& name) {
    if (!result.contains(divergence)) return;
    const Json& kl = result.at(divergence).at("kl");
    json[name] = kl.at("mean");
    json[name + "_stderr"] = kl.at("stderr");
  };
  add("task_divergence", "kl");
  add("text_divergence", "text_kl");
  const auto mean = [&](const char* figure) { return result.at(figure).at("mean").get<double>(); };
  json["metric"] = nullptr;
  if (result.contains("exact_match") && result.contains("f1")) {
    json["metric"] = (mean("exact_match") + mean("f1")) / 2;
  } else if (result.contains("choice_accuracy_normalized")) {
    json["metric"] = mean("choice_accuracy_normalized");
  }
  return json;
}

/// What the plan costs on general text beyond what its rival does.
Json general_text_kl(const Json& ours, const Json& theirs, const VerifyOptions& options) {
  if (!ours.contains("text_kl") || !theirs.contains("text_kl")) return nullptr;
  const double excess = ours.at("text_kl").get<double>() - theirs.at("text_kl").get<double>();
  const bool gains = ours.at("kl").get<double>() < theirs.at("kl").get<double>();
  return {{"excess", excess},
          {"limit", options.max_general_kl},
          {"marked", gains && excess > options.max_general_kl}};
}

bool same_specs(const Plan& a, const Plan& b) {
  for (size_t i = 0; i < a.units.size(); ++i) {
    if (a.units[i].spec != b.units[i].spec) return false;
  }
  return a.units.size() == b.units.size();
}

}  // namespace

Verification verify_plans(Session& session, const Plan& plan, const Plan& rival,
                          const VerifyOptions& options) {
  Verification result;
  if (session.prompts.held_out.empty()) {
    log_warning("no prompts are held out: the plan is not verified; see --holdout");
    result.json = {{"prompts", 0}, {"kept", "plan"}};
    return result;
  }
  EvalInput input = held_out_input(session);
  keep_reference(session.work, *session.model, session.calibration.at("model_sha256"), input);
  const auto measure = [&](const Plan& candidate, const std::string& name) {
    const std::string parts =
        ensure_parts(session, candidate, options.text_share, "verify: quantize " + name);
    return evaluation_of_parts(session, parts, input, "verify: " + name);
  };
  const Json ours = measure(plan, "the plan");
  const Json theirs = same_specs(plan, rival) ? ours : measure(rival, options.rival);
  const Json mine = measured(ours);
  Json uniform = {{"spec", rival.units.front().spec}};
  uniform.update(rival.header.at("achieved"));
  uniform.update(measured(theirs));
  result.plan_kept = mine.at("kl").get<double>() <= uniform.at("kl").get<double>();
  const PairedDifference difference =
      compare_paired(by_prompt(ours, "kl"), by_prompt(theirs, "kl"));
  result.json = {{"prompts", input.prompts.size()},
                 {"plan", mine},
                 {"uniform", uniform},
                 {"difference",
                  {{"kl", difference.mean},
                   {"kl_stderr", error_json(difference.stderr_)},
                   {"sign_test_p", difference.sign_test_p}}},
                 {"general_text", general_text_kl(mine, uniform, options)},
                 {"kept", result.plan_kept ? "plan" : "uniform"}};
  const bool marked = result.json["general_text"].is_object() &&
                      result.json["general_text"].at("marked").get<bool>();
  if (result.plan_kept && marked) {
    log_warning(
        "the plan gains on the task but loses {:.4g} nats/token more on general text than {} "
        "(--max-general-kl {})",
        result.json["general_text"]["excess"].get<double>(), options.rival, options.max_general_kl);
  }
  return result;
}

}  // namespace mpq
