// What stands at an output's place, known by a text that is in it.
#include "mpq/io/output_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "mpq/core/error.h"

namespace mpq {
namespace fs = std::filesystem;
namespace {

constexpr size_t kRead = size_t{1} << 20;

std::string first_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(kRead, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(std::max<std::streamsize>(0, file.gcount())));
  return bytes;
}

}  // namespace

void require_output_file(const std::string& path, std::string_view mark, bool overwrite) {
  std::error_code none;
  require(!fs::is_directory(path, none), ErrorCode::Usage,
          "--out {}: expected a file, found a folder", path);
  if (overwrite || !fs::is_regular_file(path, none)) return;
  const std::string bytes = first_bytes(path);
  require(bytes.empty() || bytes.find(mark) != std::string::npos, ErrorCode::Usage,
          "--out {}: is there, and mpq did not make it; choose another name or give --overwrite",
          path);
}

}  // namespace mpq
