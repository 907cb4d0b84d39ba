// Gemma and Gemma 2: no system message, and the assistant is called model.
#include "chat_family.h"

namespace mpq::text {
namespace {

std::string gemma(const Chat& chat) {
  if (chat.has_system()) chat.raise("the system role is not supported");
  std::string out = chat.bos;
  for (size_t i = 0; i < chat.messages.size(); ++i) {
    const ChatMessage& message = chat.messages[i];
    chat.require_alternation(message, i);
    const std::string role = message.role == "assistant" ? "model" : message.role;
    out += "<start_of_turn>" + role + "\n" + strip(message.content) + "<end_of_turn>\n";
  }
  return out + "<start_of_turn>model\n";
}

}  // namespace

std::vector<ChatFamily> gemma_families() {
  return {{"gemma2", {"ecd6ae513fe103f0eb62e8ab5bfa8d0fe45c1074fa398b089c93a7e70c15cfd6"}, gemma}};
}

}  // namespace mpq::text
