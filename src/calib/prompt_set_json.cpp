// The JSON form of a prompt set, as kept in the calibration folder.
#include "mpq/calib/prompt_set.h"
#include "mpq/core/error.h"

namespace mpq {
namespace {

Json prompts_to_json(const std::vector<CalibrationPrompt>& prompts) {
  Json list = Json::array();
  for (const auto& [task, tokens, answer_from] : prompts) {
    Json entry = {{"source", task.source}, {"tokens", tokens}};
    if (answer_from > 0) entry["answer_from"] = answer_from;
    if (!task.prompt.empty()) entry["prompt"] = task.prompt;
    if (!task.messages.is_null()) entry["messages"] = task.messages;
    if (!task.answers.empty()) entry["answers"] = task.answers;
    if (!task.choices.empty()) {
      entry["choices"] = task.choices;
      entry["label"] = task.label;
    }
    list.push_back(std::move(entry));
  }
  return list;
}

TokenSequence tokens_from(const Json& entry, const std::string& where) {
  auto tokens = json_get<TokenSequence>(entry, "tokens", where);
  require(!tokens.empty(), ErrorCode::Format, "{}: a sequence has no tokens", where);
  return tokens;
}

int64_t answer_index(const Json& entry, size_t tokens, const std::string& where) {
  const auto from = json_get_or<int64_t>(entry, "answer_from", 0, where);
  require(from >= 0 && from < static_cast<int64_t>(tokens), ErrorCode::Format,
          "{}: \"answer_from\": expected 0 to {}, an index into the prompt's tokens, found {}",
          where, tokens - 1, from);
  return from;
}

std::vector<CalibrationPrompt> prompts_from_json(const Json& json, const char* key, bool held_out,
                                                 const std::string& where) {
  std::vector<CalibrationPrompt> prompts;
  for (const auto& entry : json_get<Json>(json, key, where)) {
    CalibrationPrompt prompt;
    prompt.task.source = json_get<std::string>(entry, "source", where);
    prompt.task.prompt = json_get_or<std::string>(entry, "prompt", "", where);
    prompt.task.messages = entry.value("messages", Json());
    prompt.task.answers = json_get_or<std::vector<std::string>>(entry, "answers", {}, where);
    prompt.task.choices = json_get_or<std::vector<std::string>>(entry, "choices", {}, where);
    prompt.task.label = json_get_or<int>(entry, "label", -1, where);
    prompt.task.held_out = held_out;
    prompt.tokens = tokens_from(entry, where);
    prompt.answer_from = answer_index(entry, prompt.tokens.size(), where);
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

}  // namespace

Json to_json(const PromptSet& set) {
  return {{"task", prompts_to_json(set.task)},
          {"held_out", prompts_to_json(set.held_out)},
          {"text", set.text},
          {"text_held_out", set.text_held_out}};
}

PromptSet prompt_set_from_json(const Json& json, const std::string& where) {
  PromptSet set;
  set.task = prompts_from_json(json, "task", false, where);
  set.held_out = prompts_from_json(json, "held_out", true, where);
  set.text = json_get<std::vector<TokenSequence>>(json, "text", where);
  set.text_held_out = json_get<std::vector<TokenSequence>>(json, "text_held_out", where);
  return set;
}

}  // namespace mpq
