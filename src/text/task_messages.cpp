// Chats of task files: role and content, or ShareGPT's from and value.
#include <algorithm>
#include <array>
#include <utility>

#include "mpq/core/error.h"
#include "task_record.h"

namespace mpq::text {
namespace {

/// Who speaks in ShareGPT's files and their descendants, and the role that templates know.
constexpr std::array<std::pair<const char*, const char*>, 15> kSpeakers = {{
    {"system", "system"},
    {"human", "user"},
    {"user", "user"},
    {"gpt", "assistant"},
    {"assistant", "assistant"},
    {"model", "assistant"},
    {"chatgpt", "assistant"},
    {"bing", "assistant"},
    {"bard", "assistant"},
    {"function_call", "assistant"},
    {"tool", "tool"},
    {"function", "tool"},
    {"function_response", "tool"},
    {"tool_response", "tool"},
    {"observation", "tool"},
}};

std::string role_of(const std::string& speaker, const std::string& source) {
  const auto found = std::find_if(kSpeakers.begin(), kSpeakers.end(),
                                  [&](const auto& known) { return known.first == speaker; });
  if (found != kSpeakers.end()) return found->second;
  std::string names;
  for (const auto& known : kSpeakers)
    names += (names.empty() ? "" : ", ") + std::string(known.first);
  broken_record(source, "\"from\" to be one of " + names,
                "a message from " + json_text(Json(speaker)));
}

Json read_turn(const Json& turn, const std::string& source) {
  const auto is_text = [&](const char* key) { return turn.contains(key) && turn[key].is_string(); };
  if (!is_text("from") || !is_text("value")) {
    broken_record(source, "messages {\"from\": \"...\", \"value\": \"...\"}",
                  "one whose \"from\" or \"value\" is no text");
  }
  return {{"role", role_of(turn["from"].get<std::string>(), source)}, {"content", turn["value"]}};
}

Json read_message(const Json& message, const std::string& source) {
  constexpr const char* kMessage = "messages {\"role\": \"...\", \"content\": \"...\"}";
  if (!message.is_object()) broken_record(source, kMessage, "one that is no object");
  if (message.contains("from") && !message.contains("role")) return read_turn(message, source);
  if (!message.contains("role") || !message.at("role").is_string())
    broken_record(source, kMessage, "a message without a text \"role\"");
  // Calls of tools have no content; text may come in parts.
  const Json content = message.value("content", Json());
  if (!content.is_string() && !content.is_array() && !content.is_null()) {
    broken_record(source, kMessage,
                  "a message whose \"content\" is no text, null or array of parts");
  }
  return message;
}

// Data sets keep the list as JSON text where its schemas differ from record to record.
Json read_tools(const Json& value, const std::string& source) {
  Json tools = value;
  if (value.is_string()) {
    const auto text = value.get<std::string>();
    require_shallow_json(text, source);
    tools = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  }
  const bool objects =
      std::all_of(tools.begin(), tools.end(), [](const Json& tool) { return tool.is_object(); });
  if (!tools.is_array() || !objects)
    broken_record(source, "a list of JSON schemas in \"tools\"",
                  tools.is_discarded() ? "text that is not JSON" : tools.type_name());
  return tools.empty() ? Json() : tools;
}

}  // namespace

Json read_messages(const Json& value, const std::string& key, const std::string& source) {
  if (!value.is_array() || value.empty()) {
    broken_record(source, fmt::format("a list of messages in \"{}\"", key),
                  value.is_array() ? "an empty one" : value.type_name());
  }
  Json messages = Json::array();
  for (const Json& message : value) messages.push_back(read_message(message, source));
  return messages;
}

void read_chat(const Json& record, const std::string& key, TaskPrompt& prompt) {
  prompt.messages = read_messages(record.at(key), key, prompt.source);
  const Json* system = present(record, "system");
  if (system != nullptr && prompt.messages.front().at("role") != "system") {
    if (!system->is_string())
      broken_record(prompt.source, "text in \"system\"", system->type_name());
    if (!system->get_ref<const std::string&>().empty())
      prompt.messages.insert(prompt.messages.begin(),
                             Json{{"role", "system"}, {"content", *system}});
  }
  if (const Json* tools = present(record, "tools"))
    prompt.tools = read_tools(*tools, prompt.source);
}

}  // namespace mpq::text
