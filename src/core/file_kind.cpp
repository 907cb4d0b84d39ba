// Recognises pointers, web pages, and the reasons why a text is not JSON.
#include "mpq/core/file_kind.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "mpq/core/error.h"
#include "mpq/core/utf8.h"

namespace mpq {
namespace {

constexpr std::string_view kPointer = "version https://git-lfs.github.com/spec/";
constexpr std::string_view kOldPointer = "version https://hawser.github.com/spec/";
constexpr size_t kBegin = 256;

bool begins_with(std::string_view text, std::string_view begin) {
  return text.size() >= begin.size() &&
         std::equal(begin.begin(), begin.end(), text.begin(),
                    [](char a, unsigned char b) { return a == std::tolower(b); });
}

/// Where the parser stopped; 0: not known.
size_t byte_of(const std::exception& error) {
  const auto* syntax = dynamic_cast<const nlohmann::json::parse_error*>(&error);
  return syntax == nullptr ? 0 : syntax->byte;
}

/// Python writes these, JSON has no name for them.
bool is_not_a_number(std::string_view text, size_t byte) {
  const std::string_view before = text.substr(0, std::min(byte, text.size()));
  const size_t word = before.find_last_of(" \t\r\n:,[{-") + 1;
  return text.substr(word, 3) == "NaN" || text.substr(word, 8) == "Infinity";
}

}  // namespace

std::string other_kind(std::string_view begin) {
  begin = begin.substr(0, kBegin);
  if (begins_with(begin, kPointer) || begins_with(begin, kOldPointer))
    return "a git-lfs pointer, not the file itself; run `git lfs pull` in its folder";
  begin = without_byte_order_mark(begin);
  begin.remove_prefix(std::min(begin.find_first_not_of(" \t\r\n"), begin.size()));
  if (begins_with(begin, "<!doctype") || begins_with(begin, "<html"))
    return "a web page (HTML) saved under that name; fetch the file again, signed in if need be";
  return {};
}

void refuse_pointer(const std::string& path, std::string_view begin) {
  if (begins_with(begin, kPointer) || begins_with(begin, kOldPointer))
    fail(ErrorCode::Format, "{}: is {}", path, other_kind(begin));
}

std::string json_fault(const std::exception& error, std::string_view text) {
  if (std::string kind = other_kind(text); !kind.empty()) return kind;
  const std::string_view message = error.what();
  const size_t byte = byte_of(error);
  if (byte == 0) {  // out of range: "number overflow parsing '9e999'"
    const size_t quote = message.find('\'');
    return fmt::format("the number {} that does not fit a double",
                       quote == message.npos ? "" : std::string(message.substr(quote)));
  }
  if (message.find("surrogate") != message.npos)
    return fmt::format(
        "half of a surrogate pair at byte {}: an escape such as \\ud83d without its second half (a "
        "character cut in two); write the whole character or \\ufffd",
        byte);
  if (is_not_a_number(text, byte))
    return fmt::format("NaN or Infinity at byte {}, which JSON does not have", byte);
  if (invalid_utf8_at(text) < byte) return fmt::format("bytes that are not UTF-8 at byte {}", byte);
  return fmt::format("a syntax error at byte {}", byte);
}

long json_fault_line(const std::exception& error, std::string_view text) {
  size_t end = std::min(byte_of(error), text.size());
  if (end == 0) {
    const std::string_view message = error.what();
    const size_t begin = message.find('\'') + 1, last = message.rfind('\'');
    if (begin > 0 && last > begin) end = text.find(message.substr(begin, last - begin));
    if (end == text.npos) end = 0;
  }
  return 1 + std::count(text.begin(), text.begin() + static_cast<long>(end), '\n');
}

}  // namespace mpq
