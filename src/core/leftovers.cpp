// Temporary files of runs that were killed.
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>

#include "mpq/core/new_file.h"

namespace mpq {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kMark = ".tmp-";
constexpr size_t kMostDigits = 9;

/// The newest time of the path and of what is in it; a folder's own time does not change while its
/// files are written.
fs::file_time_type newest_time(const std::string& path) {
  std::error_code error;
  fs::file_time_type newest = fs::last_write_time(path, error);
  for (fs::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code unreadable;
    const auto time = fs::last_write_time(entry->path(), unreadable);
    if (!unreadable && time > newest) newest = time;
  }
  return newest;
}

}  // namespace

bool is_left_over(std::string_view process, const std::string& path) {
  const size_t dash = process.rfind('-');
  if (dash == process.npos || dash == 0) return false;
  const std::string digits(process.substr(dash + 1));
  const bool numbered = !digits.empty() && digits.size() <= kMostDigits &&
                        digits.find_first_not_of("0123456789") == std::string::npos;
  if (!numbered) return false;
  const std::string own = process_name();
  if (process.substr(0, dash) == std::string_view(own).substr(0, own.rfind('-')))
    return ::kill(std::stoi(digits), 0) != 0 && errno == ESRCH;
  return fs::file_time_type::clock::now() - newest_time(path) > std::chrono::hours(24);
}

void sweep_temporary_files(const std::string& folder, bool and_below) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const size_t mark = name.rfind(kMark);
    std::error_code ignored;
    if (and_below && entry->is_directory(ignored) && !entry->is_symlink(ignored))
      sweep_temporary_files(entry->path().string(), true);
    if (mark == name.npos || mark == 0 || !entry->is_regular_file(ignored)) continue;
    const std::string path = entry->path().string();
    if (is_left_over(std::string_view(name).substr(mark + kMark.size()), path))
      fs::remove(path, ignored);
  }
}

}  // namespace mpq
