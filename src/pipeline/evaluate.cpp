// The eval stage: one checkpoint, alone or against a reference.
#include <algorithm>
#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/io/output_file.h"
#include "mpq/io/output_folder.h"
#include "mpq/pipeline/calibration_input.h"
#include "mpq/pipeline/estimate.h"
#include "mpq/pipeline/eval_input.h"
#include "mpq/pipeline/stages.h"

namespace mpq {

Json evaluate_checkpoint(const CommonOptions& common, const EvalOptions& options) {
  require(!options.model.empty(), ErrorCode::Usage, "--model is missing: name a checkpoint folder");
  require(!options.task.empty() || !options.text.empty(), ErrorCode::Usage,
          "nothing to measure: give --task FILE, --text FILE or both");
  const auto model = open_model(options.model, common.compute);
  const auto tokenizer = Tokenizer::load(model->folder());
  require_apart(options.out, inputs_of(options), "--out");
  if (!options.out.empty())
    require_output_file(options.out, "\"stage\": \"eval\"", common.overwrite);
  EvalInput input = file_input(options, model->folder(), *tokenizer);
  const bool answered = std::any_of(
      input.prompts.begin(), input.prompts.end(),
      [](const EvalPrompt& prompt) { return !prompt.answers.empty() || !prompt.choices.empty(); });
  const bool compared = !options.reference.empty() && !input.prompts.empty();
  require(answered || compared || !input.text.empty(), ErrorCode::Usage,
          "nothing to measure: {}; give prompts with answers or choices, --reference, or --text",
          input.prompts.empty() ? "the files hold no records"
                                : "the prompts have neither answers nor choices");
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
  if (!options.out.empty()) write_json_file(options.out, summary);
  return summary;
}

}  // namespace mpq
