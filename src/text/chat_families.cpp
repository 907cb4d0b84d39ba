// The list of chat families and what their renderers share.
#include "chat_family.h"
#include "mpq/core/error.h"
#include "mpq/core/hash.h"
#include "unicode.h"
#include "utf8.h"

namespace mpq::text {
namespace {

// str.isspace() is White_Space and the four separators of ASCII.
bool is_python_space(char32_t code_point) {
  return is_white_space(code_point) || (code_point >= 0x1C && code_point <= 0x1F);
}

}  // namespace

void Chat::raise(const std::string& reason) const {
  fail(ErrorCode::Format, "{}: the chat template rejects the messages: {}", where, reason);
}

void Chat::require_alternation(const ChatMessage& message, size_t index,
                               const std::string& reason) const {
  if ((message.role == "user") != (index % 2 == 0)) {
    raise(fmt::format("{}; message {} is from \"{}\"", reason, index + 1, message.role));
  }
}

std::string template_fingerprint(std::string_view text) {
  if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  return sha256_of(text);
}

const std::vector<ChatFamily>& chat_families() {
  static const std::vector<ChatFamily> all = [] {
    std::vector<ChatFamily> families;
    for (const auto& list :
         {chatml_families(), gemma_families(), llama_families(), mistral_families(), phi_families(),
          qwen3_families(), zephyr_families()}) {
      families.insert(families.end(), list.begin(), list.end());
    }
    return families;
  }();
  return all;
}

std::string strip(std::string_view text) {
  size_t begin = 0, end = text.size();
  while (begin < end) {
    size_t next = begin;
    if (!is_python_space(next_code_point(text, next))) break;
    begin = next;
  }
  while (end > begin) {
    size_t previous = end;
    if (!is_python_space(previous_code_point(text, previous))) break;
    end = previous;
  }
  return std::string(text.substr(begin, end - begin));
}

std::string_view lstrip(std::string_view text, char c) {
  while (!text.empty() && text.front() == c) text.remove_prefix(1);
  return text;
}

std::string_view rstrip(std::string_view text, char c) {
  while (!text.empty() && text.back() == c) text.remove_suffix(1);
  return text;
}

}  // namespace mpq::text
