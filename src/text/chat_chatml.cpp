// ChatML, and the templates of Qwen1.5, Qwen2 and Qwen2.5, which add a system message of their own.
#include "chat_family.h"

namespace mpq::text {
namespace {

std::string turn(const std::string& role, const std::string& content) {
  return "<|im_start|>" + role + "\n" + content + "<|im_end|>\n";
}

std::string plain(const Chat& chat) {
  std::string out;
  for (const ChatMessage& message : chat.messages) out += turn(message.role, message.content);
  return out + "<|im_start|>assistant\n";
}

std::string qwen2(const Chat& chat) {
  const std::string system = turn("system", "You are a helpful assistant.");
  return (chat.has_system() ? std::string() : system) + plain(chat);
}

std::string qwen25(const Chat& chat) {
  std::string out;
  if (!chat.has_system()) {
    out = turn("system", "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.");
  }
  for (const ChatMessage& message : chat.messages) {
    if (message.role == "user" || message.role == "system" || message.role == "assistant") {
      out += turn(message.role, message.content);
    }
  }
  return out + "<|im_start|>assistant\n";
}

}  // namespace

std::vector<ChatFamily> chatml_families() {
  return {
      {"chatml",
       {"153280e3ff55d19da1398bdb3914ee2a51b80429bfaedde11d7d216c39db80f3",
        "fcf7a096fe99a48fd9ad2b250bf9237e96e8f48bffec1c7ea4d3f225176cd40e",
        "58c1a1f04baa7adaeaba1f90267c3d57d9396f0c1f0129bdde9e76d3c6784af7",
        "d7b5b8c7b58f7a6bf868aa46a5f73ee976d7292f40fcb9c3e7a1defd8d235cfb"},
       plain},
      {"qwen2",
       {"793202280c0910ab26bc6eb57c8212c2417324c6d8c4efd0d10d59092ab3e3eb",
        "f0206845c9ebc3abb4735d44f286eb81ce99238ad2accc710c6fc60e6cb8ccc8"},
       qwen2},
      {"qwen2.5", {"55b2f4a26ac9ee719330a61a0c39d9e538b0e9322212f048326318cff4f8674a"}, qwen25},
  };
}

}  // namespace mpq::text
