// Qwen3: thoughts are kept only behind the last question; the 2507 instruct models have none.
#include "chat_family.h"

namespace mpq::text {
namespace {

bool is_tool_response(const std::string& content) {
  static const std::string kOpen = "<tool_response>", kClose = "</tool_response>";
  return content.rfind(kOpen, 0) == 0 && content.size() >= kClose.size() &&
         content.compare(content.size() - kClose.size(), kClose.size(), kClose) == 0;
}

size_t last_query(const std::vector<ChatMessage>& messages) {
  for (size_t i = messages.size(); i-- > 0;) {
    if (messages[i].role == "user" && !is_tool_response(messages[i].content)) return i;
  }
  return messages.size() - 1;
}

// Takes "<think>...</think>" out of the content, as the template's split() calls do.
std::string take_thoughts(const ChatMessage& message, std::string_view& content) {
  static constexpr std::string_view kOpen = "<think>", kClose = "</think>";
  if (message.reasoning) return *message.reasoning;
  const size_t close = content.find(kClose);
  if (close == content.npos) return {};
  std::string_view thoughts = rstrip(content.substr(0, close), '\n');
  const size_t open = thoughts.rfind(kOpen);
  if (open != thoughts.npos) thoughts.remove_prefix(open + kOpen.size());
  content = lstrip(content.substr(content.rfind(kClose) + kClose.size()), '\n');
  return std::string(lstrip(thoughts, '\n'));
}

std::string assistant_turn(const Chat& chat, size_t index, size_t query) {
  const ChatMessage& message = chat.messages[index];
  std::string_view content = message.content;
  const std::string thoughts = take_thoughts(message, content);
  std::string out = "<|im_start|>assistant\n";
  const bool is_last = index + 1 == chat.messages.size();
  if (index > query && (is_last || !thoughts.empty())) {
    out += "<think>\n";
    out += rstrip(lstrip(thoughts, '\n'), '\n');
    out += "\n</think>\n\n";
    content = lstrip(content, '\n');
  }
  out += content;
  return out + "<|im_end|>\n";
}

std::string render(const Chat& chat, bool thinks) {
  const size_t query = last_query(chat.messages);
  std::string out;
  for (size_t i = 0; i < chat.messages.size(); ++i) {
    const ChatMessage& message = chat.messages[i];
    if (message.role == "assistant" && thinks) {
      out += assistant_turn(chat, i, query);
    } else if (message.role == "user" || message.role == "system" || message.role == "assistant") {
      out += "<|im_start|>" + message.role + "\n" + message.content + "<|im_end|>\n";
    }
  }
  return out + "<|im_start|>assistant\n";
}

}  // namespace

std::vector<ChatFamily> qwen3_families() {
  return {
      {"qwen3",
       {"a55ee1b1660128b7098723e0abcd92caa0788061051c62d51cbe87d9cf1974d8"},
       [](const Chat& chat) { return render(chat, true); }},
      {"qwen3-instruct-2507",
       {"64f85b198065d0fba2a81f37e10ed68161ce2c19a754c7100e67e0ca2ee9c326"},
       [](const Chat& chat) { return render(chat, false); }},
  };
}

}  // namespace mpq::text
