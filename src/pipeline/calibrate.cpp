// The calibrate stage: prompts and block statistics into work/calib/.
#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/core/hash.h"
#include "mpq/core/log.h"
#include "mpq/core/utf8.h"
#include "mpq/pipeline/session.h"
#include "mpq/pipeline/stages.h"
#include "mpq/pipeline/timings.h"

namespace mpq {
namespace {

Json prompt_options_json(const PromptOptions& options) {
  return {{"holdout", options.holdout},
          {"max_prompts", options.max_prompts},
          {"max_tokens", options.max_tokens},
          {"text_windows", options.text_windows},
          {"text_window_tokens", options.text_window_tokens}};
}

int64_t count_tokens(const std::vector<CalibrationPrompt>& prompts) {
  int64_t count = 0;
  for (const auto& prompt : prompts) count += static_cast<int64_t>(prompt.tokens.size());
  return count;
}

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
CalibrateOptions within_positions(CalibrateOptions options, int64_t positions) {
  for (int64_t* tokens : {&options.prompts.max_tokens, &options.prompts.text_window_tokens}) {
    if (*tokens <= positions) continue;
    log_warning(
        "{}: the model has {} positions (max_position_embeddings): sequences of {} are cut "
        "to as many",
        options.model, positions, *tokens);
    *tokens = positions;
  }
  return options;
}

/// Makes a calibration the one in use; its files are found in calib/ by their plain names too.
void use(WorkFolder& work, const std::string& key) {
  namespace fs = std::filesystem;
  for (const char* name : {"manifest.json", "prompts.json", "stats.safetensors"}) {
    const std::string link = work.file(std::string("calib/") + name);
    std::error_code absent;
    fs::remove(link + ".new", absent);
    fs::create_symlink(key + "/" + name, link + ".new");
    fs::rename(link + ".new", link);
  }
  work.record("calibrate", key, {{"folder", "calib/" + key}});
}

}  // namespace

Json calibrate(const CommonOptions& common, const CalibrateOptions& given) {
  check_options(given);
  const StageTimer timer("calibrate");
  const auto prompts = read_task_files(given.task, given.prompts.holdout, given.fields);
  const auto model = open_model(given.model, common.compute);
  const CalibrateOptions options = within_positions(given, model->config().max_positions);
  const auto tokenizer = Tokenizer::load(options.model);
  const PromptSet set = build_prompt_set(prompts, documents_of(options.text), *tokenizer,
                                         options.model, options.prompts);
  Json summary = {{"stage", "calibrate"},
                  {"model", options.model},
                  {"blocks", model->config().layers},
                  {"quantizable_weights", model->config().quantizable_weights()},
                  {"prompts", set.task.size()},
                  {"prompt_tokens", count_tokens(set.task)},
                  {"held_out_prompts", set.held_out.size()},
                  {"text_windows", set.text.size()}};
  if (common.dry_run) {
    summary["dry_run"] = true;
    summary["block_forwards"] = model->config().layers;
    return summary;
  }
  WorkFolder work(common.work, WorkFolder::Access::Work, common.command, /*create=*/true);
  const std::string model_hash = checkpoint_hash(options.model, work);
  const std::string task_hash = files_hash(options.task, work);
  const std::string key = key_of(
      {{"stage", "calibrate"},
       {"model", model_hash},
       {"task", task_hash},
       {"task_fields", to_json(options.fields)},
       {"text", options.text.empty() ? sha256_of(general_text()) : files_hash(options.text, work)},
       {"prompts", prompt_options_json(options.prompts)},
       {"skip_first_tokens", options.skip_first_tokens},
       {"dtype", at::toString(model->dtype())},
       {"seed", common.seed}});
  Json facts = {
      {"schema", "mpq-calibration/1"},
      {"key", key},
      {"model", path_to_text(std::filesystem::absolute(options.model).lexically_normal().string())},
      {"model_sha256", model_hash},
      {"task", options.task},
      {"task_sha256", task_hash},
      {"task_fields", to_json(options.fields)},
      {"text", options.text},
      {"options", prompt_options_json(options.prompts)},
      {"seed", common.seed},
      {"command", common.command}};
  const std::string folder = work.file("calib/" + key);
  if (std::filesystem::exists(folder)) {
    log_info("calibrate: nothing changed since this was calibrated; skipped");
    use(work, key);
    summary["skipped"] = true;
    return summary;
  }
  std::vector<TokenSequence> sequences;
  for (const auto& prompt : set.task) sequences.push_back(prompt.tokens);
  MemoryBudget memory = memory_budget(common);
  const std::string unfinished = folder + ".unfinished";
  const auto statistics = block_statistics(*model, sequences,
                                           {.skip_first_tokens = options.skip_first_tokens,
                                            .seed = common.seed,
                                            .state_folder = unfinished},
                                           memory);
  std::filesystem::create_directories(unfinished);
  save_statistics(unfinished + "/stats.safetensors", statistics);
  write_json_file(unfinished + "/prompts.json", to_json(set));
  write_json_file(unfinished + "/manifest.json", facts);
  std::filesystem::rename(unfinished, folder);  // complete together, or not there
  use(work, key);
  timer.record(common.work);
  return summary;
}

}  // namespace mpq
