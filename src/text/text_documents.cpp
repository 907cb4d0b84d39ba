// Plain text files as documents.
#include "mpq/core/error.h"
#include "mpq/text/task_file.h"
#include "utf8.h"

namespace mpq {
namespace {

constexpr std::string_view kSeparator = "<|endoftext|>";

bool is_separator(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line == kSeparator;
}

}  // namespace

std::vector<std::string> read_text_documents(const std::string& path) {
  const std::string bytes = read_text_file(path);
  const std::string_view content = without_byte_order_mark(bytes);
  const size_t invalid = text::invalid_utf8_at(content);
  require(invalid == content.npos, ErrorCode::Format,
          "{}: expected UTF-8 text, found another byte at offset {}", path, invalid);
  require(content.find('\0') == content.npos, ErrorCode::Format,
          "{}: expected text, found a NUL byte at offset {}", path, content.find('\0'));
  std::vector<std::string> documents;
  size_t begin = 0;
  bool separated = false;
  const auto add = [&](size_t end) {
    if (end > begin && content[end - 1] == '\n' && separated) --end;
    const std::string_view document = content.substr(begin, end - begin);
    if (document.find_first_not_of(" \t\r\n") != document.npos) documents.emplace_back(document);
  };
  for (size_t at = 0; at < content.size();) {
    const size_t end = std::min(content.find('\n', at), content.size());
    if (is_separator(content.substr(at, end - at))) {
      separated = true;
      add(at);
      begin = std::min(end + 1, content.size());
    }
    at = end + 1;
  }
  add(content.size());
  return documents;
}

}  // namespace mpq
