// Finding a checkpoint's chat template, and rendering messages with the family it belongs to.
#include "mpq/text/chat_template.h"

#include <algorithm>
#include <filesystem>

#include "chat_family.h"
#include "mpq/core/error.h"

namespace mpq {
namespace {

using text::Chat;
using text::ChatFamily;
using text::ChatMessage;

constexpr const char* kAdvice =
    "give \"prompt\" with the text as the model wants it instead of \"messages\"";

Json read_config(const std::string& folder) {
  const std::string path = folder + "/tokenizer_config.json";
  return std::filesystem::exists(path) ? read_json_file(path) : Json::object();
}

// "chat_template" is a text, or a list of named ones of which "default" is meant. Empty: there is
// none.
std::string template_of(const Json& config, const std::string& folder) {
  const std::string file = folder + "/chat_template.jinja";
  if (std::filesystem::exists(file)) return read_text_file(file);
  const std::string where = folder + "/tokenizer_config.json";
  const auto value = json_get_or<Json>(config, "chat_template", Json(), where);
  if (!value.is_array()) return json_get_or<std::string>(config, "chat_template", "", where);
  for (const Json& entry : value) {
    if (json_get<std::string>(entry, "name", where + ": chat_template") == "default") {
      return json_get<std::string>(entry, "template", where + ": chat_template");
    }
  }
  return {};
}

// "bos_token": "<s>" or {"content": "<s>", ...}.
std::string token_of(const Json& config, const char* key, const std::string& folder) {
  const std::string where = folder + "/tokenizer_config.json";
  const auto value = json_get_or<Json>(config, key, Json(), where);
  if (value.is_object()) return json_get<std::string>(value, "content", where + ": " + key);
  return json_get_or<std::string>(config, key, "", where);
}

ChatMessage read_message(const Json& entry, size_t index) {
  const std::string where = fmt::format("messages[{}]", index);
  ChatMessage message;
  message.role = json_get<std::string>(entry, "role", where);
  for (const char* key : {"tool_calls", "tools"}) {
    require(!entry.contains(key) || entry.at(key).is_null(), ErrorCode::Unsupported,
            "{}: \"{}\" is not supported; {}", where, key, kAdvice);
  }
  require(message.role != "tool" && message.role != "ipython", ErrorCode::Unsupported,
          "{}: the role \"{}\" is not supported; {}", where, message.role, kAdvice);
  message.content = json_get<std::string>(entry, "content", where);
  if (entry.contains("reasoning_content") && entry.at("reasoning_content").is_string()) {
    message.reasoning = entry.at("reasoning_content").get<std::string>();
  }
  return message;
}

const ChatFamily* find_family(const std::string& fingerprint) {
  for (const ChatFamily& family : text::chat_families()) {
    const auto& known = family.fingerprints;
    if (std::find(known.begin(), known.end(), fingerprint) != known.end()) return &family;
  }
  return nullptr;
}

std::string family_names() {
  std::string names;
  for (const ChatFamily& family : text::chat_families()) {
    names += (names.empty() ? "" : ", ") + family.name;
  }
  return names;
}

}  // namespace

std::string render_chat(const Json& messages, const std::string& checkpoint_folder) {
  require(messages.is_array() && !messages.empty(), ErrorCode::Format,
          "messages: expected an array of {{\"role\", \"content\"}}, found {}",
          messages.is_array() ? "an empty one" : messages.type_name());
  Chat chat;
  chat.where = checkpoint_folder;
  for (const Json& entry : messages) {
    chat.messages.push_back(read_message(entry, chat.messages.size()));
  }
  const Json config = read_config(checkpoint_folder);
  const std::string source = template_of(config, checkpoint_folder);
  require(!source.empty(), ErrorCode::Unsupported,
          "{}: the checkpoint has no chat template (chat_template.jinja, or \"chat_template\" in "
          "tokenizer_config.json); {}",
          checkpoint_folder, kAdvice);
  const std::string fingerprint = text::template_fingerprint(source);
  const ChatFamily* family = find_family(fingerprint);
  if (!family) {
    fail(ErrorCode::Unsupported,
         "{}: the chat template (SHA-256 {}) is not one of those known ({}); {}", checkpoint_folder,
         fingerprint, family_names(), kAdvice);
  }
  chat.bos = token_of(config, "bos_token", checkpoint_folder);
  chat.eos = token_of(config, "eos_token", checkpoint_folder);
  return family->render(chat);
}

}  // namespace mpq
