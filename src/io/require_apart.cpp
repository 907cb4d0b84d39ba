// Outputs that would take the place of their inputs.
#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "mpq/core/error.h"
#include "mpq/io/output_folder.h"

namespace mpq {
namespace fs = std::filesystem;
namespace {

fs::path resolved(const std::string& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error).lexically_normal();
  fs::path result = fs::weakly_canonical(absolute, error);
  if (error) result = absolute;
  return result.has_filename() ? result : result.parent_path();  // "a/b/" is "a/b"
}

/// Whether `path` is `folder` or lies below it; hard links and bind mounts count.
bool is_within(const fs::path& path, const fs::path& folder) {
  const auto [end, rest] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  if (end == folder.end()) return true;
  std::error_code error;
  for (fs::path above = path;; above = above.parent_path()) {
    if (fs::equivalent(above, folder, error)) return true;
    if (above == above.parent_path()) return false;
  }
}

/// Files that a model is read from; others in its folder, as a report of it, may be written anew.
bool is_model_file(const fs::path& path) {
  constexpr std::array<std::string_view, 6> kEndings = {".safetensors", ".index.json", ".jinja",
                                                        ".model",       ".bin",        ".txt"};
  const std::string name = path.filename().string();
  if (name.find("config") != std::string::npos || name.find("token") != std::string::npos ||
      name == "vocab.json")
    return true;
  return std::any_of(kEndings.begin(), kEndings.end(), [&](std::string_view ending) {
    return name.size() >= ending.size() &&
           std::string_view(name).substr(name.size() - ending.size()) == ending;
  });
}

/// Whether something of value stands at `out`, inside a folder of input.
bool replaces_something(const fs::path& out) {
  std::error_code error;
  if (fs::is_directory(out, error)) return !fs::is_empty(out, error);
  return fs::is_regular_file(out, error) && is_model_file(out);
}

}  // namespace

void require_apart(const std::string& out, const std::vector<std::string>& inputs,
                   const std::string& option, bool made_here) {
  if (out.empty()) return;
  const fs::path place = resolved(out);
  for (const std::string& input : inputs) {
    if (input.empty()) continue;
    const fs::path source = resolved(input);
    require(!is_within(source, place), ErrorCode::Usage,
            "{} {}: would replace {}, which it is made from; choose another place", option, out,
            input);
    require(made_here || !is_within(place, source) || !replaces_something(place), ErrorCode::Usage,
            "{} {}: would replace a part of {}, which it is made from; choose another place",
            option, out, input);
  }
}

}  // namespace mpq
