// JSON files on disk.
#include "mpq/core/json_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace mpq {

std::string read_text_file(const std::string& path) {
  std::error_code ignored;
  require(!std::filesystem::is_directory(path, ignored), ErrorCode::Io,
          "{}: expected a file, found a folder", path);
  std::ifstream file(path, std::ios::binary);
  require(file.good(), ErrorCode::Io, "{}: cannot be read: {}", path, std::strerror(errno));
  std::ostringstream text;
  text << file.rdbuf();
  require(!file.bad(), ErrorCode::Io, "{}: reading failed", path);
  return text.str();
}

Json read_json_file(const std::string& path) {
  const std::string text = read_text_file(path);
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    const size_t end = std::min<size_t>(error.byte, text.size());
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<long>(end), '\n');
    fail(ErrorCode::Format, "{}:{}: expected JSON, found a syntax error at byte {}", path, line,
         error.byte);
  }
}

void write_text_file(const std::string& path, std::string_view text) {
  const std::string temporary = path + ".tmp";
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  require(file >= 0, ErrorCode::Io, "{}: cannot be written: {}", path, std::strerror(errno));
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = ::write(file, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    done += static_cast<size_t>(count);
  }
  const int saved = errno;
  const bool closed = ::close(file) == 0;
  if (done != text.size() || !closed || std::rename(temporary.c_str(), path.c_str()) != 0) {
    const int reason = done != text.size() ? saved : errno;
    ::unlink(temporary.c_str());
    fail(ErrorCode::Io, "{}: writing failed: {}; nothing was left behind", path,
         std::strerror(reason));
  }
}

void write_json_file(const std::string& path, const Json& value) {
  // Half a character (a prompt cut between its bytes) becomes U+FFFD.
  write_text_file(path, value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace mpq
