// Messages as a template sees them, and its special tokens.
#include "mpq/text/chat_template.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "chat_source.h"
#include "mpq/core/error.h"

namespace mpq {
namespace {

constexpr const char* kSpecialTokens[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                          "pad_token", "cls_token", "mask_token"};

// "bos_token": "<s>" or {"content": "<s>", ...}, in one of two files. Null: there is none.
Json token_of(const char* key, const std::string& folder) {
  for (const char* name : {"/tokenizer_config.json", "/special_tokens_map.json"}) {
    const std::string path = folder + name;
    if (!std::filesystem::exists(path)) continue;
    const auto value = json_get_or<Json>(read_json_file(path), key, Json(), path);
    if (value.is_object()) return json_get<std::string>(value, "content", path + ": " + key);
    if (!value.is_null()) return json_get<std::string>({{key, value}}, key, path);
  }
  return nullptr;
}

// The message with its reasoning under every name that templates read.
Json message_of(const Json& entry, size_t index) {
  const std::string where = fmt::format("messages[{}]", index);
  json_get<std::string>(entry, "role", where);
  Json reasoning;
  for (const char* name : {"reasoning", "thinking", "reasoning_content"}) {
    if (entry.contains(name) && !entry.at(name).is_null()) reasoning = entry.at(name);
  }
  Json message = Json::object();
  if (!reasoning.is_null()) message["thinking"] = reasoning;
  for (const auto& [name, member] : entry.items()) message[name] = member;
  if (!reasoning.is_null()) message["reasoning_content"] = reasoning;
  return message;
}

// The messages without members that are null.
Json without_nulls(const Json& messages) {
  Json all = Json::array();
  for (const Json& given : messages) {
    Json message = Json::object();
    for (const auto& [name, member] : given.items()) {
      if (!member.is_null()) message[name] = member;
    }
    all.push_back(std::move(message));
  }
  return all;
}

// The texts of content that is given as parts, when all of them are text; none otherwise.
std::vector<std::string> text_parts(const Json& message) {
  std::vector<std::string> texts;
  const auto content = message.find("content");
  if (content == message.end() || !content->is_array()) return {};
  for (const Json& part : *content) {
    if (!part.is_object() || !part.contains("text") || !part.at("text").is_string()) return {};
    if (part.value("type", Json("text")) != "text") return {};
    texts.push_back(part.at("text"));
  }
  return texts;
}

// Whether a text that was rendered from parts has read all of them.
bool reads_parts(const std::string& text, const std::vector<std::string>& parts) {
  if (text.find("'type': 'text'") != std::string::npos) return false;  // the list itself, printed
  return std::all_of(parts.begin(), parts.end(), [&](const std::string& part) {
    const auto first = part.find_first_not_of(" \t\r\n"), last = part.find_last_not_of(" \t\r\n");
    return first == std::string::npos ||
           text.find(part.substr(first, last - first + 1)) != std::string::npos;
  });
}

// Templates that know text alone print parts as a list, or fail: they are given the texts joined
// by newlines, as vLLM and llama.cpp do.
std::string render_with_parts(const JinjaTemplate& chat, Json variables,
                              const JinjaTemplate::Clock& clock) {
  std::vector<std::string> all;
  Json joined = variables["messages"];
  for (Json& message : joined) {
    const std::vector<std::string> texts = text_parts(message);
    if (texts.empty()) continue;
    std::string whole;
    for (const std::string& text : texts) whole += (whole.empty() ? "" : "\n") + text;
    message["content"] = whole;
    all.insert(all.end(), texts.begin(), texts.end());
  }
  if (all.empty()) return chat.render(variables, clock);
  try {
    std::string text = chat.render(variables, clock);
    if (reads_parts(text, all)) return text;
  } catch (const Error&) {
    // With joined texts it may succeed, or fail with the error to show.
  }
  variables["messages"] = std::move(joined);
  return chat.render(variables, clock);
}

// A template that fails on null, as transformers gives it, is tried without.
std::string render_with_nulls(const JinjaTemplate& chat, Json variables,
                              const JinjaTemplate::Clock& clock) {
  Json plain = without_nulls(variables["messages"]);
  if (plain == variables["messages"]) return render_with_parts(chat, std::move(variables), clock);
  try {
    return render_with_parts(chat, variables, clock);
  } catch (const Error& given) {
    variables["messages"] = std::move(plain);
    try {
      return render_with_parts(chat, std::move(variables), clock);
    } catch (const Error&) {
      throw given;
    }
  }
}

}  // namespace

std::string render_chat(const Json& messages, const std::string& checkpoint_folder,
                        const ChatOptions& options) {
  require(messages.is_array() && !messages.empty(), ErrorCode::Format,
          "messages: expected an array of {{\"role\", \"content\"}}, found {}",
          messages.is_array() ? "an empty one" : messages.type_name());
  Json variables = Json::object();
  variables["messages"] = Json::array();
  for (const Json& entry : messages) {
    variables["messages"].push_back(message_of(entry, variables["messages"].size()));
  }
  const text::ChatSource source =
      text::find_chat_template(checkpoint_folder, !options.tools.is_null());
  for (const char* key : kSpecialTokens) {
    if (const Json token = token_of(key, checkpoint_folder); !token.is_null()) {
      variables[key] = token;
    }
  }
  variables["tools"] = options.tools;
  variables["documents"] = options.documents;
  variables["add_generation_prompt"] = options.add_generation_prompt;
  variables.update(options.variables);
  return render_with_nulls(JinjaTemplate(source.text, source.where), std::move(variables),
                           options.clock);
}

}  // namespace mpq
