// The eval stage: one checkpoint, alone or against a reference.
#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/io/output_file.h"
#include "mpq/io/output_folder.h"
#include "mpq/pipeline/calibration_input.h"
#include "mpq/pipeline/estimate.h"
#include "mpq/pipeline/eval_input.h"
#include "mpq/pipeline/stages.h"

namespace mpq {

Json measure_checkpoint(const CommonOptions& common, const EvalOptions& options) {
  require(!options.model.empty(), ErrorCode::Usage, "--model is missing: name a checkpoint folder");
  require(!options.task.empty() || !options.text.empty(), ErrorCode::Usage,
          "nothing to measure: give --task FILE, --text FILE or both");
  const auto model = open_model(options.model, common.compute);
  const auto tokenizer = Tokenizer::load(model->folder());
  require_apart(options.out, inputs_of(options), "--out");
  if (!options.out.empty())
    require_output_file(options.out, "\"stage\": \"eval\"", common.overwrite);
  EvalInput input = file_input(options, model->folder(), *tokenizer);
  Json summary = {{"stage", "eval"},
                  {"model", options.model},
                  {"reference", options.reference},
                  {"prompts", input.prompts.size()},
                  {"text_windows", input.text.size()},
                  {"file_bytes", weight_file_bytes(model->folder())},
                  {"input_sha256", input_hash(input)},
                  {"window", options.window},
                  {"stride", options.window}};
  if (common.dry_run) {
    summary["dry_run"] = true;
    summary.update(
        estimate_evaluation(*model, count_tokens(input), options.reference.empty() ? 1 : 2));
    return summary;
  }
  std::unique_ptr<Model> reference;
  if (!options.reference.empty()) reference = open_model(options.reference, common.compute);
  // A work folder keeps the reference's states for the next evaluation.
  if (reference != nullptr && std::filesystem::exists(common.work + "/manifest.json")) {
    WorkFolder work(common.work, WorkFolder::Access::Look, common.command);
    keep_reference(work, *reference, checkpoint_hash(reference->folder(), work), input);
  }
  MemoryBudget memory = memory_budget(common);
  const EvalResult result = evaluate(*model, reference.get(), *tokenizer, input, memory);
  summary["result"] = to_json(result);
  return summary;
}

Json evaluate_checkpoint(const CommonOptions& common, const EvalOptions& options) {
  const Json summary = measure_checkpoint(common, options);
  if (common.dry_run) return summary;
  const bool found = summary.at("result").size() > 1;  // beside "prompts"
  require(found, ErrorCode::Usage,
          "nothing to measure: {}; give prompts with answers or choices, --reference, or --text",
          summary.at("prompts") == 0 ? "the files hold no records"
                                     : "the prompts have neither answers nor choices");
  if (!options.out.empty()) write_json_file(options.out, summary);
  return summary;
}

}  // namespace mpq
