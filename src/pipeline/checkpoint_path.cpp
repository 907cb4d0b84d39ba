// Finds or makes the folder of a GGUF file.
#include "mpq/pipeline/checkpoint_path.h"

#include <cstdlib>
#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/format/gguf_folder.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

std::string cache_folder() {
  for (const auto& [variable, below] :
       {std::pair{"XDG_CACHE_HOME", "/mpq/gguf"}, {"HOME", "/.cache/mpq/gguf"}}) {
    const char* place = std::getenv(variable);
    if (place != nullptr && place[0] == '/') return std::string(place) + below;
  }
  fail(ErrorCode::Usage,
       "a GGUF file's configuration and tokenizer are kept in the user's cache: set HOME or "
       "XDG_CACHE_HOME to a folder");
}

/// Whether the folder's configuration names this file.
bool is_named_by(const std::string& folder, const std::string& file) {
  const std::string path = folder + "/config.json";
  return fs::exists(path) && gguf_file_name(read_json_file(path), path) == file;
}

}  // namespace

bool is_gguf_file(const std::string& path) {
  std::error_code error;
  return fs::path(path).extension() == ".gguf" && fs::is_regular_file(path, error);
}

std::string checkpoint_folder(const std::string& path) {
  if (!is_gguf_file(path)) return path;
  const fs::path file = fs::absolute(path).lexically_normal();
  const std::string folder = file.parent_path().string();
  if (is_named_by(folder, file.filename().string())) return folder;
  return gguf_folder(file.string(), cache_folder());
}

}  // namespace mpq
