#pragma once
// Families of chat templates: which published templates they are, and what these render.
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mpq::text {

struct ChatMessage {
  std::string role;
  std::string content;
  std::optional<std::string> reasoning;  // "reasoning_content"
};

/// What a template sees; there is at least one message. The generation prompt is asked for.
struct Chat {
  std::vector<ChatMessage> messages;
  std::string bos;  // tokenizer_config.json; empty when it has none
  std::string eos;
  std::string where;  // the folder, for messages

  /// What the template's raise_exception does: Error(Format).
  [[noreturn]] void raise(const std::string& reason) const;
  /// raise() unless the role of the message at `index` (behind a system message) is user,
  /// assistant, user, ...
  void require_alternation(const ChatMessage& message, size_t index,
                           const std::string& reason =
                               "conversation roles must alternate "
                               "user/assistant/user/assistant/...") const;
  bool has_system() const { return messages.front().role == "system"; }
};

struct ChatFamily {
  std::string name;
  std::vector<std::string> fingerprints;  // template_fingerprint() of the published texts
  std::function<std::string(const Chat&)> render;
};

/// SHA-256 of a template's text without its last newline, which Jinja drops too.
std::string template_fingerprint(std::string_view text);

/// All families. To add one: a chat_<name>.cpp with a function below, and a line in
/// chat_families.cpp.
const std::vector<ChatFamily>& chat_families();
std::vector<ChatFamily> chatml_families();
std::vector<ChatFamily> gemma_families();
std::vector<ChatFamily> llama_families();
std::vector<ChatFamily> mistral_families();
std::vector<ChatFamily> phi_families();
std::vector<ChatFamily> qwen3_families();
std::vector<ChatFamily> zephyr_families();

/// Python's str.strip() and its variants for one character.
std::string strip(std::string_view text);
std::string_view lstrip(std::string_view text, char c);
std::string_view rstrip(std::string_view text, char c);

}  // namespace mpq::text
