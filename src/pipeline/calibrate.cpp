// The calibrate stage: prompts and block statistics into work/calib/.
#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/core/hash.h"
#include "mpq/core/log.h"
#include "mpq/core/new_file.h"
#include "mpq/core/utf8.h"
#include "mpq/pipeline/calibration_input.h"
#include "mpq/pipeline/experts.h"
#include "mpq/pipeline/session.h"
#include "mpq/pipeline/stages.h"
#include "mpq/pipeline/timings.h"

namespace mpq {
namespace {

Json prompt_options_json(const PromptOptions& options) {
  return {
      {"holdout", options.holdout},           {"max_prompts", options.max_prompts},
      {"max_tokens", options.max_tokens},     {"score_on", options.score_on},
      {"text_windows", options.text_windows}, {"text_window_tokens", options.text_window_tokens}};
}

std::vector<std::string> lasting_paths(const std::vector<std::string>& paths) {
  std::vector<std::string> all;
  for (const auto& path : paths) all.push_back(lasting_path(path));
  return all;
}

/// Makes a calibration the one in use; its files are found in calib/ by their plain names too.
void use(WorkFolder& work, const std::string& key) {
  namespace fs = std::filesystem;
  for (const char* name : {"manifest.json", "prompts.json", "stats.safetensors"}) {
    const std::string link = work.file(std::string("calib/") + name);
    std::error_code absent;
    fs::remove(link + ".new", absent);
    fs::create_symlink(key + "/" + name, link + ".new");
    fs::rename(link + ".new", link);  // for people: nothing reads it
  }
  work.record("calibrate", key, {{"folder", "calib/" + key}});
}

}  // namespace

Json calibrate(const CommonOptions& common, const CalibrateOptions& given) {
  const StageTimer timer("calibrate");
  const CalibrationInput input = calibration_input(common, given);
  if (common.dry_run) return dry_calibration(input);
  const auto& [options, model, set] = input;
  Json summary = describe_calibration(input);
  WorkFolder work(common.work, WorkFolder::Access::Work, common.command, /*create=*/true);
  const std::string model_hash = checkpoint_hash(model->folder(), work);
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
  Json facts = {{"schema", "mpq-calibration/1"},
                {"key", key},
                {"model", lasting_path(options.model)},
                {"model_sha256", model_hash},
                {"task", lasting_paths(options.task)},
                {"task_sha256", task_hash},
                {"task_fields", to_json(options.fields)},
                {"text", lasting_paths(options.text)},
                {"options", prompt_options_json(options.prompts)},
                {"seed", common.seed},
                {"command", common.command}};
  const std::string folder = work.file("calib/" + key);
  const auto show_experts = [&](const Json& coverage) {
    if (coverage.is_null()) return;
    summary["experts"] = coverage;
    warn_of_thin_experts(coverage, model->config(), static_cast<int64_t>(set.task.size()));
  };
  const std::string state = folder + ".state";
  if (std::filesystem::exists(folder)) {
    std::filesystem::remove_all(state);
    log_info("calibrate: nothing changed since this was calibrated; skipped");
    use(work, key);
    summary["skipped"] = true;
    show_experts(read_json_file(folder + "/manifest.json").value("experts", Json()));
    return summary;
  }
  std::vector<TokenSequence> sequences;
  for (const auto& prompt : set.task) sequences.push_back(prompt.tokens);
  MemoryBudget memory = memory_budget(common);
  const auto statistics = block_statistics(
      *model, sequences,
      {.skip_first_tokens = options.skip_first_tokens, .seed = common.seed, .state_folder = state},
      memory);
  if (const Json coverage = expert_coverage(statistics); !coverage.is_null()) {
    facts["experts"] = coverage;
    show_experts(coverage);
  }
  const std::string unfinished = folder + ".unfinished";
  std::filesystem::create_directories(unfinished);
  save_statistics(unfinished + "/stats.safetensors", statistics);
  write_json_file(unfinished + "/prompts.json", to_json(set));
  write_json_file(unfinished + "/manifest.json", facts);
  put_in_place(unfinished, folder);  // complete together, or not there
  std::filesystem::remove_all(state);
  use(work, key);
  timer.record(common.work);
  return summary;
}

}  // namespace mpq
