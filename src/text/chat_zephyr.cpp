// Zephyr and TinyLlama Chat.
#include "chat_family.h"

namespace mpq::text {
namespace {

std::string zephyr(const Chat& chat) {
  std::string out;
  for (const ChatMessage& message : chat.messages) {
    if (message.role == "user" || message.role == "system" || message.role == "assistant") {
      out += "<|" + message.role + "|>\n" + message.content + chat.eos + "\n";
    }
  }
  return out + "<|assistant|>\n";
}

}  // namespace

std::vector<ChatFamily> zephyr_families() {
  return {{"zephyr", {"66291cf0045c2425a3a667cf3cbb7af2b11f09e025c02f97245323ab79119362"}, zephyr}};
}

}  // namespace mpq::text
