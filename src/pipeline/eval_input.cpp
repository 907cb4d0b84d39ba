// Builds evaluation inputs.
#include "mpq/pipeline/eval_input.h"

#include <algorithm>
#include <filesystem>

#include "mpq/core/hash.h"
#include "mpq/core/log.h"
#include "mpq/model/architecture.h"
#include "mpq/pipeline/calibration_input.h"

namespace mpq {
namespace {

/// What a choice adds to the prompt's tokens; when tokens straddle the border (or the prompt was
/// shortened) it is encoded alone.
TokenSequence continuation_tokens(const CalibrationPrompt& prompt, const std::string& continuation,
                                  const Tokenizer& tokenizer) {
  const TokenSequence question = before_answer(prompt.tokens, prompt.answer_from);
  const TokenSequence whole = tokenizer.encode(prompt.task.prompt + continuation);
  const auto length = static_cast<std::ptrdiff_t>(question.size());
  const bool extends = !prompt.task.prompt.empty() && whole.size() > question.size() &&
                       std::equal(question.begin(), question.end(), whole.begin());
  return extends ? TokenSequence(whole.begin() + length, whole.end())
                 : tokenizer.encode(continuation, false);
}

void check_options(const EvalOptions& options) {
  const auto at_least = [](int64_t least, int64_t value, const char* option) {
    require(value >= least, ErrorCode::Usage, "{}: expected {} or more, found {}", option, least,
            value);
  };
  at_least(2, options.max_tokens, "--max-prompt-tokens");
  at_least(1, options.max_new_tokens, "--max-new-tokens");
  at_least(2, options.window, "--window");
  at_least(0, options.text_windows, "--windows");
  at_least(0, options.limit, "--limit");
}

}  // namespace

EvalPrompt eval_prompt(const CalibrationPrompt& prompt, const Tokenizer& tokenizer) {
  EvalPrompt result{prompt.task.source, prompt.tokens,     prompt.task.answers, {}, {},
                    prompt.task.label,  prompt.answer_from};
  for (const auto& choice : prompt.task.choices) {
    const std::string continuation = continuation_of(prompt.task.prompt, choice);
    result.choices.push_back(continuation_tokens(prompt, continuation, tokenizer));
    result.choice_bytes.push_back(static_cast<int64_t>(continuation.size()));
  }
  return result;
}

std::vector<int32_t> stop_tokens(const std::string& folder) {
  for (const char* name : {"generation_config.json", "config.json"}) {
    const std::string path = folder + "/" + name;
    if (!std::filesystem::exists(path)) continue;
    const Json json = read_json_file(path);
    const auto eos = json_get_or<Json>(json, "eos_token_id", Json(), path);
    if (eos.is_array()) return json_get<std::vector<int32_t>>(json, "eos_token_id", path);
    if (!eos.is_null()) return {json_get<int32_t>(json, "eos_token_id", path)};
  }
  return {};
}

EvalInput held_out_input(const Session& session) {
  EvalInput input;
  for (const auto& prompt : session.prompts.held_out)
    input.prompts.push_back(eval_prompt(prompt, *session.tokenizer));
  input.text = session.prompts.text_held_out;
  input.stop_tokens = stop_tokens(session.model->folder());
  return input;
}

int64_t count_tokens(const EvalInput& input) {
  int64_t tokens = count_tokens(input.text);
  for (const auto& prompt : input.prompts) tokens += static_cast<int64_t>(prompt.tokens.size());
  return tokens;
}

std::string input_hash(const EvalInput& input) {
  Json all = {{"prompts", Json::array()}, {"text", input.text}, {"new", input.max_new_tokens}};
  for (const auto& prompt : input.prompts) {
    Json entry = {prompt.tokens, prompt.answers, prompt.choices, prompt.label};
    if (prompt.answer_from > 0) entry.push_back(prompt.answer_from);
    all["prompts"].push_back(entry);
  }
  return sha256_of(json_text(all));
}

void keep_reference(const WorkFolder& work, const Model& reference, const std::string& hash,
                    EvalInput& input) {
  const std::string key = key_of({{"stage", "reference"},
                                  {"model", hash},
                                  {"input", input_hash(input)},
                                  {"batch_tokens", input.batch_tokens},
                                  {"dtype", at::toString(reference.dtype())}});
  input.reference_cache = work.file("reference/" + key + ".safetensors");
}

std::vector<std::string> inputs_of(const EvalOptions& options) {
  std::vector<std::string> inputs{options.model, options.reference};
  inputs.insert(inputs.end(), options.task.begin(), options.task.end());
  inputs.insert(inputs.end(), options.text.begin(), options.text.end());
  return inputs;
}

std::vector<CalibrationPrompt> file_prompts(const EvalOptions& options,
                                            const std::string& checkpoint_folder,
                                            const Tokenizer& tokenizer, double holdout) {
  check_options(options);
  if (options.task.empty()) return {};
  const int64_t positions = read_model_config(checkpoint_folder).max_positions;
  auto prompts = read_task_files(options.task, holdout, options.fields);
  if (options.limit > 0 && static_cast<int64_t>(prompts.size()) > options.limit)
    prompts.resize(static_cast<size_t>(options.limit));
  return tokenize_prompts(prompts, tokenizer, checkpoint_folder,
                          std::min<int64_t>(options.max_tokens, positions), options.score_on);
}

EvalInput file_input(const EvalOptions& options, const std::string& checkpoint_folder,
                     const Tokenizer& tokenizer) {
  EvalInput input;
  const int64_t positions = read_model_config(checkpoint_folder).max_positions;
  for (const auto& prompt : file_prompts(options, checkpoint_folder, tokenizer))
    input.prompts.push_back(eval_prompt(prompt, tokenizer));
  std::vector<std::string> documents;
  for (const auto& path : options.text) {
    for (auto& document : read_text_documents(path)) documents.push_back(std::move(document));
  }
  if (!documents.empty()) {
    if (options.window > positions)
      log_warning(
          "--window {}: the model has {} positions (max_position_embeddings): windows are as long",
          options.window, positions);
    input.text = text_windows(documents, tokenizer, std::min(options.window, positions),
                              options.text_windows);
  }
  input.max_new_tokens = options.max_new_tokens;
  input.stop_tokens = stop_tokens(checkpoint_folder);
  return input;
}

}  // namespace mpq
