// Llama 2 ([INST] <<SYS>>), Llama 3, 3.1 and 3.2 (header ids).
#include "chat_family.h"

namespace mpq::text {
namespace {

std::string llama2(const Chat& chat) {
  std::string out;
  const size_t first = chat.has_system() ? 1 : 0;
  for (size_t i = first; i < chat.messages.size(); ++i) {
    const ChatMessage& message = chat.messages[i];
    chat.require_alternation(message, i - first);
    std::string content = message.content;
    if (i == 1 && first == 1) {
      content = "<<SYS>>\n" + chat.messages[0].content + "\n<</SYS>>\n\n" + content;
    }
    if (message.role == "user") {
      out += chat.bos + "[INST] " + strip(content) + " [/INST]";
    } else if (message.role == "assistant") {
      out += " " + strip(content) + " " + chat.eos;
    }
  }
  return out;
}

std::string header(const std::string& role) {
  return "<|start_header_id|>" + role + "<|end_header_id|>\n\n";
}

std::string turn(const ChatMessage& message) {
  return header(message.role) + strip(message.content) + "<|eot_id|>";
}

std::string llama3(const Chat& chat) {
  std::string out = chat.bos;
  for (const ChatMessage& message : chat.messages) out += turn(message);
  return out + header("assistant");
}

// 3.2 asks for today's date where it can; both fall back to this one, which keeps prompts the same
// every day.
std::string llama31(const Chat& chat) {
  std::string out = chat.bos + header("system") +
                    "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n";
  if (chat.has_system()) out += strip(chat.messages[0].content);
  out += "<|eot_id|>";
  for (size_t i = chat.has_system() ? 1 : 0; i < chat.messages.size(); ++i) {
    out += turn(chat.messages[i]);
  }
  return out + header("assistant");
}

}  // namespace

std::vector<ChatFamily> llama_families() {
  return {
      {"llama2", {"e8d5b5a546d3f19df16a5320c614fab05bdc4edd50e850f1afd947b503ea41cf"}, llama2},
      {"llama3", {"ba03a121d097859c7b5b9cd03af99aafe95275210d2876f642ad9929a150f122"}, llama3},
      {"llama3.1",
       {"93c0e9aa3629bbd77e68dbc0f5621f6e6b23aa8d74b932595cdb8d64684526d7",
        "d82792f95932f1c9cef5c4bd992f171225e3bf8c7b609b4557c9e1ec96be819f"},
       llama31},
  };
}

}  // namespace mpq::text
