// Builds evaluation inputs.
#include "mpq/pipeline/eval_input.h"

#include <filesystem>

namespace mpq {
namespace {

/// End-of-sequence ids of generation_config.json, else of config.json.
std::vector<int32_t> stop_tokens(const std::string& folder) {
  for (const char* name : {"generation_config.json", "config.json"}) {
    const std::string path = folder + "/" + name;
    if (!std::filesystem::exists(path)) continue;
    const Json json = read_json_file(path);
    const Json eos = json.value("eos_token_id", Json());
    if (eos.is_number_integer()) return {eos.get<int32_t>()};
    if (eos.is_array()) return json_get<std::vector<int32_t>>(json, "eos_token_id", path);
  }
  return {};
}

EvalPrompt eval_prompt(const CalibrationPrompt& prompt, const Tokenizer& tokenizer) {
  EvalPrompt result{prompt.task.source, prompt.tokens, prompt.task.answers, {}, {},
                    prompt.task.label};
  for (const auto& choice : prompt.task.choices) {
    result.choices.push_back(tokenizer.encode(choice, false));
    result.choice_bytes.push_back(static_cast<int64_t>(choice.size()));
  }
  return result;
}

}  // namespace

EvalInput held_out_input(const Session& session) {
  EvalInput input;
  for (const auto& prompt : session.prompts.held_out)
    input.prompts.push_back(eval_prompt(prompt, *session.tokenizer));
  input.text = session.prompts.text_held_out;
  input.stop_tokens = stop_tokens(session.model->folder());
  return input;
}

EvalInput file_input(const EvalOptions& options, const std::string& checkpoint_folder,
                     const Tokenizer& tokenizer) {
  EvalInput input;
  if (!options.task.empty()) {
    auto prompts = read_task_files(options.task, 0);
    if (options.limit > 0 && static_cast<int64_t>(prompts.size()) > options.limit)
      prompts.resize(static_cast<size_t>(options.limit));
    constexpr int64_t kMaxTokens = 2048;
    for (const auto& prompt : tokenize_prompts(prompts, tokenizer, checkpoint_folder, kMaxTokens))
      input.prompts.push_back(eval_prompt(prompt, tokenizer));
  }
  std::vector<std::string> documents;
  for (const auto& path : options.text) {
    for (auto& document : read_text_documents(path)) documents.push_back(std::move(document));
  }
  if (!documents.empty())
    input.text = text_windows(documents, tokenizer, options.window, options.text_windows);
  input.max_new_tokens = options.max_new_tokens;
  input.stop_tokens = stop_tokens(checkpoint_folder);
  return input;
}

}  // namespace mpq
