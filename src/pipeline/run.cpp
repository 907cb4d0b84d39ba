// All stages in one go, and the table that compares full precision, the best uniform plan and the
// chosen one.
#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/core/log.h"
#include "mpq/pipeline/checkpoint.h"
#include "mpq/pipeline/eval_input.h"
#include "mpq/pipeline/stages.h"

namespace mpq {
namespace {

Json table_row(const std::string& name, const Json& achieved, const EvalResult& result) {
  return {{"name", name},
          {"bytes", achieved.at("bytes")},
          {"effective_bits", achieved.at("effective_bits")},
          {"file_bytes", achieved.at("file_bytes")},
          {"result", to_json(result)}};
}

Json full_size(const Model& model) {
  const int64_t weights = model.config().quantizable_weights();
  const auto element = static_cast<int64_t>(at::elementSize(model.stored_dtype()));
  int64_t file_bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(model.folder())) {
    if (entry.path().extension() == ".safetensors")
      file_bytes += static_cast<int64_t>(entry.file_size());
  }
  return {
      {"bytes", weights * element}, {"effective_bits", 8 * element}, {"file_bytes", file_bytes}};
}

/// Files when given, else what was held out from calibration.
EvalInput comparison_input(const Session& session, const EvalOptions& options) {
  EvalInput input = held_out_input(session);
  const EvalInput files = file_input(options, session.model->folder(), *session.tokenizer);
  if (!options.task.empty()) input.prompts = files.prompts;
  if (!options.text.empty()) input.text = files.text;
  input.max_new_tokens = options.max_new_tokens;
  return input;
}

Json compare(const CommonOptions& common, const ScoreOptions& scoring, const Plan& plan,
             const QuantizeOptions& quantization, const EvalOptions& evaluation) {
  Session session(common);
  const EvalInput input = comparison_input(session, evaluation);
  const auto measure = [&](const Model& model, bool against_full) {
    return evaluate(model, against_full ? session.model.get() : nullptr, *session.tokenizer, input,
                    session.memory);
  };
  Json rows = Json::array();
  rows.push_back(
      table_row("full precision", full_size(*session.model), measure(*session.model, false)));
  if (std::filesystem::exists(session.work.file("uniform.json"))) {
    const Plan uniform = read_plan(session.work.file("uniform.json"));
    const auto model = open_quantized(
        session, ensure_parts(session, uniform, scoring.text_share, "quantize the uniform plan"));
    rows.push_back(table_row("uniform " + uniform.units.front().spec, uniform.header.at("achieved"),
                             measure(*model, true)));
  }
  const auto written = open_model(quantization.out, common.compute);
  rows.push_back(table_row("chosen", plan.header.at("achieved"), measure(*written, true)));
  return {{"rows", rows}, {"prompts", input.prompts.size()}, {"text_windows", input.text.size()}};
}

}  // namespace

Json run_all(const CommonOptions& common, const CalibrateOptions& calibration,
             const ScoreOptions& scoring, const AllocateOptions& allocation,
             const QuantizeOptions& quantization, const EvalOptions& evaluation) {
  Json summary = {{"stage", "run"}, {"calibrate", calibrate(common, calibration)}};
  if (common.dry_run) {
    // Later stages are described from the calibration when there is one.
    if (std::filesystem::exists(common.work + "/manifest.json"))
      summary["allocate"] = allocate(common, scoring, allocation);
    return summary;
  }
  summary["allocate"] = allocate(common, scoring, allocation);
  require(summary["allocate"]["plans"].size() == 1, ErrorCode::Usage,
          "run makes one checkpoint: give one --budget, or use `mpq allocate` for a curve");
  summary["quantize"] = quantize(common, quantization);
  summary["comparison"] =
      compare(common, scoring, read_plan(quantization.plan), quantization, evaluation);
  write_json_file(common.work + "/report.json", summary);
  return summary;
}

}  // namespace mpq
