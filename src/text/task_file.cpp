// Task files and plain text.
#include "mpq/text/task_file.h"

#include <algorithm>
#include <cmath>

#include "mpq/core/error.h"
#include "mpq/core/file_kind.h"
#include "mpq/core/hash.h"
#include "utf8.h"

namespace mpq {
namespace {

constexpr const char* kExpected =
    "expected {\"prompt\": \"...\"} or {\"messages\": [...]}, with \"answers\": [\"...\"] or "
    "\"choices\": [\"...\"] and \"label\" where the task has them";

[[noreturn]] void broken(const std::string& source, const std::string& found) {
  fail(ErrorCode::Format, "{}: {}, found {}", source, kExpected, found);
}

// The first 64 bits of the line's SHA-256 as a fraction of 2^64: the same in every run and on every
// machine.
bool is_held_out(std::string_view line, double holdout) {
  const uint64_t bits = std::stoull(sha256_of(line).substr(0, 16), nullptr, 16);
  return std::ldexp(static_cast<double>(bits), -64) < holdout;
}

std::vector<std::string> strings(const Json& value, const char* key, const std::string& source) {
  const auto is_text = [](const Json& entry) { return entry.is_string(); };
  if (!value.is_array() || value.empty() || !std::all_of(value.begin(), value.end(), is_text)) {
    broken(source, fmt::format("\"{}\" that is not an array of strings", key));
  }
  return value.get<std::vector<std::string>>();
}

void read_input(const Json& object, TaskPrompt& prompt) {
  const std::string& source = prompt.source;
  const bool has_prompt = object.contains("prompt"), has_messages = object.contains("messages");
  if (has_prompt == has_messages) {
    broken(source, has_prompt ? "both \"prompt\" and \"messages\"" : "neither");
  }
  if (has_prompt) {
    if (!object.at("prompt").is_string()) broken(source, "\"prompt\" that is not a string");
    prompt.prompt = object.at("prompt").get<std::string>();
    return;
  }
  prompt.messages = object.at("messages");
  if (!prompt.messages.is_array() || prompt.messages.empty()) {
    broken(source, "\"messages\" that is not an array with a message");
  }
  for (const Json& message : prompt.messages) {
    if (!message.is_object() || !message.contains("role") || !message.at("role").is_string()) {
      broken(source, "a message without a text \"role\"");
    }
    // Calls of tools have no content; text may come in parts.
    const Json content = message.value("content", Json());
    if (!content.is_string() && !content.is_array() && !content.is_null()) {
      broken(source, "a message whose \"content\" is no text, null or array of parts");
    }
  }
}

void read_labels(const Json& object, TaskPrompt& prompt) {
  const std::string& source = prompt.source;
  if (object.contains("answers")) {
    prompt.answers = strings(object.at("answers"), "answers", source);
  } else if (object.contains("answer")) {
    if (!object.at("answer").is_string()) broken(source, "\"answer\" that is not a string");
    prompt.answers = {object.at("answer").get<std::string>()};
  }
  if (!object.contains("choices")) return;
  if (!prompt.answers.empty()) broken(source, "both \"answers\" and \"choices\"");
  prompt.choices = strings(object.at("choices"), "choices", source);
  if (!object.contains("label") || !object.at("label").is_number_integer()) {
    broken(source, "\"choices\" without an integer \"label\"");
  }
  const auto label = object.at("label").get<int64_t>();
  const auto count = static_cast<int64_t>(prompt.choices.size());
  if (label < 0 || label >= count) {
    broken(source, fmt::format("the label {} for {} choices", label, count));
  }
  prompt.label = static_cast<int>(label);
}

TaskPrompt read_line(std::string_view line, const std::string& source) {
  if (text::invalid_utf8_at(line) != line.npos) broken(source, "bytes that are not UTF-8");
  Json object;
  try {
    object = Json::parse(line);
  } catch (const nlohmann::json::exception& error) {
    broken(source, "a line that is not JSON: " + json_fault(error, line));
  }
  if (!object.is_object()) broken(source, fmt::format("JSON that is {}", object.type_name()));
  TaskPrompt prompt;
  prompt.source = source;
  read_input(object, prompt);
  read_labels(object, prompt);
  return prompt;
}

}  // namespace

std::vector<TaskPrompt> read_task_files(const std::vector<std::string>& paths, double holdout) {
  require(holdout >= 0 && holdout <= 1, ErrorCode::Usage, "holdout is {}, expected 0 to 1",
          holdout);
  std::vector<TaskPrompt> prompts;
  for (const std::string& path : paths) {
    const std::string content = read_text_file(path);
    std::string_view rest = content;
    for (int number = 1; !rest.empty(); ++number) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      std::string_view line = without_byte_order_mark(rest.substr(0, end));  // of joined files too
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (line.find_first_not_of(" \t\r") == line.npos) continue;
      if (line.back() == '\r') line.remove_suffix(1);
      prompts.push_back(read_line(line, fmt::format("{}:{}", path, number)));
      prompts.back().held_out = is_held_out(line, holdout);
    }
  }
  return prompts;
}

}  // namespace mpq
