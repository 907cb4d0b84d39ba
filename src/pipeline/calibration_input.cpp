// Opens the model and reads the task and the general text.
#include "mpq/pipeline/calibration_input.h"

#include "mpq/core/error.h"
#include "mpq/core/log.h"
#include "mpq/pipeline/estimate.h"
#include "mpq/pipeline/session.h"

namespace mpq {
namespace {

void check_options(const CalibrateOptions& options) {
  require(!options.model.empty(), ErrorCode::Usage, "--model is missing: name a checkpoint folder");
  require(!options.task.empty(), ErrorCode::Usage,
          "--task is missing: name a .jsonl file with one {{\"prompt\": ...}} a line");
  const auto& prompts = options.prompts;
  require(prompts.holdout >= 0 && prompts.holdout < 1, ErrorCode::Usage,
          "--holdout: expected a share from 0 to below 1, found {}", prompts.holdout);
  require(prompts.max_prompts > 0 && prompts.max_tokens > 1 && prompts.text_windows >= 0 &&
              prompts.text_window_tokens > 1,
          ErrorCode::Usage, "calibrate: a count of prompts, tokens or windows is out of range");
  require(options.skip_first_tokens >= 0, ErrorCode::Usage,
          "--skip-first-tokens: expected 0 or more, found {}", options.skip_first_tokens);
  require_score_on(prompts.score_on);
}

std::vector<std::string> documents_of(const std::vector<std::string>& paths) {
  if (paths.empty()) return {general_text()};
  std::vector<std::string> documents;
  for (const auto& path : paths) {
    for (auto& document : read_text_documents(path)) documents.push_back(std::move(document));
  }
  return documents;
}

/// Sequences as long as the model has positions for, at most.
void limit_to_positions(int64_t positions, CalibrateOptions& options) {
  for (int64_t* tokens : {&options.prompts.max_tokens, &options.prompts.text_window_tokens}) {
    if (*tokens <= positions) continue;
    log_warning(
        "{}: the model has {} positions (max_position_embeddings): sequences of {} are cut "
        "to as many",
        options.model, positions, *tokens);
    *tokens = positions;
  }
}

}  // namespace

CalibrationInput calibration_input(const CommonOptions& common, CalibrateOptions options) {
  check_options(options);
  const auto prompts = read_task_files(options.task, options.prompts.holdout, options.fields);
  ComputeOptions compute = common.compute;
  compute.outline = common.dry_run;
  auto model = open_model(options.model, compute);
  limit_to_positions(model->config().max_positions, options);
  const auto tokenizer = Tokenizer::load(model->folder());
  PromptSet set = build_prompt_set(prompts, documents_of(options.text), *tokenizer, model->folder(),
                                   options.prompts);
  return {std::move(options), std::move(model), std::move(set)};
}

int64_t count_tokens(const std::vector<CalibrationPrompt>& prompts) {
  int64_t count = 0;
  for (const auto& prompt : prompts) count += static_cast<int64_t>(prompt.tokens.size());
  return count;
}

int64_t count_tokens(const std::vector<TokenSequence>& sequences) {
  int64_t count = 0;
  for (const auto& sequence : sequences) count += static_cast<int64_t>(sequence.size());
  return count;
}

Json describe_calibration(const CalibrationInput& input) {
  const ModelConfig& config = input.model->config();
  return {{"stage", "calibrate"},
          {"model", input.options.model},
          {"blocks", config.layers},
          {"quantizable_weights", config.quantizable_weights()},
          {"prompts", input.prompts.task.size()},
          {"prompt_tokens", count_tokens(input.prompts.task)},
          {"held_out_prompts", input.prompts.held_out.size()},
          {"text_windows", input.prompts.text.size()}};
}

Json dry_calibration(const CalibrationInput& input) {
  Json summary = describe_calibration(input);
  summary["dry_run"] = true;
  const RunSize size = size_of_job(*input.model, input.prompts);
  summary["seconds"] = estimated_seconds(*input.model, work_of(size).calibrate);
  summary["peak_bytes"] = peak_of(size).calibrate;
  return summary;
}

}  // namespace mpq
