// Mistral 7B Instruct v0.1 and v0.2 (Mixtral's is that of v0.2), and their later revision with a
// system message.
#include "chat_family.h"

namespace mpq::text {
namespace {

std::string early(const Chat& chat, const std::string& behind_answer) {
  std::string out = chat.bos;
  for (size_t i = 0; i < chat.messages.size(); ++i) {
    const ChatMessage& message = chat.messages[i];
    chat.require_alternation(message, i);
    if (message.role == "user") {
      out += "[INST] " + message.content + " [/INST]";
    } else if (message.role == "assistant") {
      out += message.content + chat.eos + behind_answer;
    } else {
      chat.raise("only user and assistant roles are supported");
    }
  }
  return out;
}

std::string with_system(const Chat& chat) {
  std::string out = chat.bos;
  const size_t first = chat.has_system() ? 1 : 0;
  for (size_t i = first; i < chat.messages.size(); ++i) {
    const ChatMessage& message = chat.messages[i];
    chat.require_alternation(message, i - first);
    if (message.role == "user") {
      const bool is_first = first == 1 && i == 1;
      out += " [INST] " + (is_first ? chat.messages[0].content + "\n\n" : std::string()) +
             message.content + " [/INST]";
    } else if (message.role == "assistant") {
      out += " " + message.content + chat.eos;
    } else {
      chat.raise("only user and assistant roles are supported, and a system message at the start");
    }
  }
  return out;
}

}  // namespace

std::vector<ChatFamily> mistral_families() {
  return {
      {"mistral-v0.1",
       {"7e995b379ec01747807246483647cd99030abf331653f1119e16d7ac041a3495"},
       [](const Chat& chat) { return early(chat, " "); }},
      {"mistral-v0.2",
       {"26a59556925c987317ce5291811ba3b7f32ec4c647c400c6cc7e3a9993007ba7"},
       [](const Chat& chat) { return early(chat, ""); }},
      {"mistral-system",
       {"bbc58aad99454df60138be9530c9601a0adfe3d8932cda975e1f10b2410ddc51"},
       with_system},
  };
}

}  // namespace mpq::text
