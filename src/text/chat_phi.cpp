// Phi-3 mini (first and later revisions), Phi-3.5 mini and Phi-4 mini.
#include "chat_family.h"

namespace mpq::text {
namespace {

// Phi-3.5 leaves out an empty system message.
std::string phi3(const Chat& chat, bool empty_system) {
  std::string out;
  for (const ChatMessage& message : chat.messages) {
    const bool known = message.role == "user" || message.role == "assistant" ||
                       (message.role == "system" && (empty_system || !message.content.empty()));
    if (known) out += "<|" + message.role + "|>\n" + message.content + "<|end|>\n";
  }
  return out + "<|assistant|>\n";
}

std::string phi3_first_revision(const Chat& chat) {
  std::string out;
  for (const ChatMessage& message : chat.messages) {
    if (message.role == "user") {
      out += "<|user|>\n" + message.content + "<|end|>\n<|assistant|>\n";
    } else if (message.role == "assistant") {
      out += message.content + "<|end|>\n";
    }
  }
  return out;
}

std::string phi4_mini(const Chat& chat) {
  std::string out;
  for (const ChatMessage& message : chat.messages) {
    out += "<|" + message.role + "|>" + message.content + "<|end|>";
  }
  return out + "<|assistant|>";
}

}  // namespace

std::vector<ChatFamily> phi_families() {
  return {
      {"phi-3",
       {"dcaee66df77bfbb789ec541fe713218da30225a526f1db97138fc39ee6dc56aa"},
       [](const Chat& chat) { return phi3(chat, true); }},
      {"phi-3.5",
       {"78d976a442bcde2f0be15aafbb8e3050e1104f86732266f68403251b89982a90"},
       [](const Chat& chat) { return phi3(chat, false); }},
      {"phi-3-first",
       {"605841622bcb6572225608f09ec2afcdfb9fb50844ef52715a12689f7b9278b1"},
       phi3_first_revision},
      {"phi-3-first-bos",
       {"268b6082ceb7176dc6ed80557a2f7837f9f0339592fbee677d405a553af15f88"},
       [](const Chat& chat) { return chat.bos + phi3_first_revision(chat); }},
      {"phi-4-mini",
       {"febf589225c9728ab791f52e8897d7607a823d45368f0a4c92fa68997b40cce9"},
       phi4_mini},
  };
}

}  // namespace mpq::text
