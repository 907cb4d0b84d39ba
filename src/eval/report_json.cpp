// The JSON form of an evaluation.
#include <algorithm>
#include <cmath>

#include "mpq/eval/evaluate.h"
#include "perplexity.h"

namespace mpq {
namespace {

/// `count` says what the mean is over.
Json figure(const MeanWithError& value, const char* count) {
  return {{"mean", value.mean}, {"stderr", error_json(value.stderr_)}, {count, value.tokens}};
}

Json divergence(const Divergence& value) {
  return {{"kl", figure(value.kl, "tokens")},
          {"median", value.median},
          {"median_stderr", error_json(value.median_stderr)},
          {"p99", value.p99},
          {"p99_stderr", error_json(value.p99_stderr)},
          {"p999", value.p999},
          {"p999_stderr", error_json(value.p999_stderr)},
          {"max", value.maximum},
          {"max_stderr", error_json(value.maximum_stderr)},
          {"top1_agreement", figure(value.top1_agreement, "tokens")}};
}

/// One object a prompt, for paired comparisons; empty ones when nothing was measured by prompt.
Json prompts(const EvalResult& result) {
  Json list = Json::array();
  const size_t count =
      std::max({result.prompt_kl.size(), result.prompt_f1.size(), result.prompt_choice.size()});
  for (size_t i = 0; i < count; ++i) {
    Json prompt = Json::object();
    if (i < result.prompt_kl.size()) prompt["kl"] = result.prompt_kl[i];
    if (i < result.prompt_f1.size() && !std::isnan(result.prompt_f1[i])) {
      prompt["exact_match"] = result.prompt_exact_match[i];
      prompt["f1"] = result.prompt_f1[i];
      prompt["generated"] = result.generated[i];
    }
    if (i < result.prompt_choice.size() && !std::isnan(result.prompt_choice[i]))
      prompt["choice_accuracy_normalized"] = result.prompt_choice[i];
    list.push_back(std::move(prompt));
  }
  return list;
}

}  // namespace

Json error_json(double error) { return std::isfinite(error) ? Json(error) : Json(); }

Json to_json(const EvalResult& result) {
  Json json = Json::object();
  const auto add = [&](const char* name, const std::optional<MeanWithError>& value,
                       const char* count) {
    if (value) json[name] = figure(*value, count);
  };
  if (result.task_divergence) json["task_divergence"] = divergence(*result.task_divergence);
  add("exact_match", result.exact_match, "prompts");
  add("f1", result.f1, "prompts");
  add("choice_accuracy", result.choice_accuracy, "prompts");
  add("choice_accuracy_normalized", result.choice_accuracy_normalized, "prompts");
  if (result.text_divergence) json["text_divergence"] = divergence(*result.text_divergence);
  add("nll", result.text_nll, "tokens");
  if (result.text_nll) add("perplexity", perplexity(*result.text_nll), "tokens");
  json["prompts"] = prompts(result);
  return json;
}

std::vector<double> by_prompt(const Json& result, const char* name) {
  std::vector<double> values;
  for (const auto& prompt : result.value("prompts", Json::array())) {
    const Json value = prompt.value(name, Json());
    values.push_back(value.is_number() ? value.get<double>()
                                       : std::numeric_limits<double>::quiet_NaN());
  }
  return values;
}

}  // namespace mpq
