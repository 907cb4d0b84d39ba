// Measures a plan and the uniform plan of the same budget on held-out prompts.
#include "mpq/pipeline/verify.h"

#include "mpq/core/log.h"
#include "mpq/pipeline/checkpoint.h"
#include "mpq/pipeline/eval_input.h"

namespace mpq {
namespace {

Json measured(const EvalResult& result) {
  Json json = Json::object();
  if (result.task_divergence) {
    json["kl"] = result.task_divergence->kl.mean;
    json["kl_stderr"] = error_json(result.task_divergence->kl.stderr_);
  }
  if (result.text_divergence) {
    json["text_kl"] = result.text_divergence->kl.mean;
    json["text_kl_stderr"] = error_json(result.text_divergence->kl.stderr_);
  }
  json["metric"] = nullptr;
  if (result.exact_match && result.f1) {
    json["metric"] = (result.exact_match->mean + result.f1->mean) / 2;
  } else if (result.choice_accuracy_normalized) {
    json["metric"] = result.choice_accuracy_normalized->mean;
  }
  return json;
}

/// What the plan costs on general text beyond what its rival does.
Json general_text_kl(const EvalResult& ours, const EvalResult& theirs,
                     const VerifyOptions& options) {
  if (!ours.text_divergence || !theirs.text_divergence) return nullptr;
  const double excess = ours.text_divergence->kl.mean - theirs.text_divergence->kl.mean;
  const bool gains = ours.task_divergence->kl.mean < theirs.task_divergence->kl.mean;
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
  const auto measure = [&](const Plan& candidate, const std::string& title) {
    const auto model =
        open_quantized(session, ensure_parts(session, candidate, options.text_share, title));
    return evaluate(*model, session.model.get(), *session.tokenizer, input, session.memory);
  };
  const EvalResult ours = measure(plan, "verify: quantize the plan");
  const EvalResult theirs =
      same_specs(plan, rival) ? ours : measure(rival, "verify: quantize " + options.rival);
  result.plan_kept = ours.task_divergence->kl.mean <= theirs.task_divergence->kl.mean;
  const PairedDifference difference = compare_paired(ours.prompt_kl, theirs.prompt_kl);
  Json uniform = {{"spec", rival.units.front().spec}};
  uniform.update(rival.header.at("achieved"));
  uniform.update(measured(theirs));
  result.json = {{"prompts", input.prompts.size()},
                 {"plan", measured(ours)},
                 {"uniform", uniform},
                 {"difference",
                  {{"kl", difference.mean},
                   {"kl_stderr", error_json(difference.stderr_)},
                   {"sign_test_p", difference.sign_test_p}}},
                 {"general_text", general_text_kl(ours, theirs, options)},
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
