// Measures the three models of a report.
#include "mpq/pipeline/comparison.h"

#include <filesystem>

#include "mpq/core/log.h"
#include "mpq/pipeline/checkpoint.h"
#include "mpq/pipeline/estimate.h"
#include "mpq/pipeline/eval_input.h"
#include "mpq/pipeline/kept_evaluation.h"

namespace mpq {
namespace {

Json table_row(const std::string& name, const Json& achieved, const Json& result) {
  return {{"name", name},
          {"bytes", achieved.at("bytes")},
          {"effective_bits", achieved.at("effective_bits")},
          {"file_bytes", achieved.at("file_bytes")},
          {"result", result}};
}

Json full_size(const Model& model) {
  const int64_t weights = model.config().quantizable_weights();
  const auto element = static_cast<int64_t>(at::elementSize(model.stored_dtype()));
  return {{"bytes", weights * element},
          {"effective_bits", 8 * element},
          {"file_bytes", weight_file_bytes(model.folder())}};
}

struct ComparedInput {
  EvalInput input;
  Json prompts = Json::array();  // their texts
};

Json prompt_json(const std::string& source, const std::string& text,
                 const std::vector<std::string>& answers) {
  return {{"source", source}, {"prompt", text}, {"answers", answers}};
}

/// Files are read as calibration read its own, but for field names, which count as a whole when
/// they are given.
EvalOptions as_calibrated(EvalOptions options, const Session& session) {
  const std::string& where = session.work.path();
  if (options.fields == TaskFields()) {
    options.fields =
        task_fields_from_json(json_get_or<Json>(session.calibration, "task_fields", Json(), where),
                              where + ": task_fields");
  }
  const auto prompts = json_get<Json>(session.calibration, "options", where);
  options.score_on = json_get<std::string>(prompts, "score_on", where);
  return options;
}

/// Files when given, else what was held out from calibration.
ComparedInput compared_input(const Session& session, const EvalOptions& given) {
  ComparedInput result{held_out_input(session)};
  const EvalOptions options = as_calibrated(given, session);
  const EvalInput files = file_input(options, session.model->folder(), *session.tokenizer);
  if (!options.task.empty()) result.input.prompts = files.prompts;
  if (!options.text.empty()) result.input.text = files.text;
  result.input.max_new_tokens = options.max_new_tokens;
  for (const auto& prompt : result.input.prompts) {
    const TokenSequence question = before_answer(prompt.tokens, prompt.answer_from);
    result.prompts.push_back(
        prompt_json(prompt.source, session.tokenizer->decode(question), prompt.answers));
  }
  return result;
}

}  // namespace

Json estimate_comparison(const Session& session, const EvalOptions& evaluation) {
  const EvalInput input = compared_input(session, evaluation).input;
  Json estimate = estimate_evaluation(*session.model, count_tokens(input), 3);
  estimate["prompts"] = input.prompts.size();
  return estimate;
}

Json compare_plans(Session& session, const Plan& plan, const std::string& checkpoint,
                   const EvalOptions& evaluation) {
  const double text_share = json_get_or<double>(plan.header, "text_share", 0.2, "plan");
  ComparedInput compared = compared_input(session, evaluation);
  EvalInput& input = compared.input;
  keep_reference(session.work, *session.model, session.calibration.at("model_sha256"), input);
  const auto measure = [&](const Model& model, const Model* reference) {
    return to_json(evaluate(model, reference, *session.tokenizer, input, session.memory));
  };
  const auto measure_parts = [&](const Plan& wanted, const std::string& name) {
    const std::string parts = ensure_parts(session, wanted, text_share, "quantize " + name);
    return evaluation_of_parts(session, parts, input, "report: " + name);
  };
  Json rows = Json::array();
  rows.push_back(
      table_row("full precision", full_size(*session.model), measure(*session.model, nullptr)));
  const Json made_from = plan.header.value("made_from", Json::object());
  const auto rival = json_get_or<std::string>(made_from, "rival", "", "plan: made_from");
  if (!rival.empty()) {
    const Plan uniform = plan_from_json(session.work.kept(rival), session.work.file(rival));
    rows.push_back(table_row("uniform " + uniform.units.front().spec, uniform.header.at("achieved"),
                             measure_parts(uniform, "the uniform plan")));
  }
  const Json chosen = checkpoint.empty() ? measure_parts(plan, "the plan")
                                         : measure(*open_model(checkpoint, session.common.compute),
                                                   session.model.get());
  rows.push_back(table_row("chosen", plan.header.at("achieved"), chosen));
  return {{"rows", rows},
          {"input_sha256", input_hash(input)},
          {"text_windows", input.text.size()},
          {"window", evaluation.window},
          {"prompts", compared.prompts}};
}

}  // namespace mpq
