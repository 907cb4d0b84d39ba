// A folder filled beside its place and put there when complete.
#include "mpq/io/output_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "mpq/core/error.h"
#include "mpq/core/new_file.h"

namespace mpq {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kMark = ".partial-";
constexpr std::string_view kAside = ".old";

/// ".NAME.partial-HOST-PID", with room for kAside behind it.
std::string temporary_name(const fs::path& target, std::string_view process) {
  const std::string suffix = std::string(kMark) + std::string(process);
  const std::string longest =
      limited_name("." + target.filename().string(), suffix + std::string(kAside));
  return longest.substr(0, longest.size() - kAside.size());
}

/// What killed runs left of this output. One that was moved aside and not replaced comes back.
void sweep_folders(const fs::path& target) {
  std::error_code error;
  for (fs::directory_iterator entry(target.parent_path(), error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const size_t mark = name.rfind(kMark);
    if (mark == name.npos) continue;
    std::string_view process = std::string_view(name).substr(mark + kMark.size());
    const bool aside =
        process.size() > kAside.size() && process.substr(process.size() - kAside.size()) == kAside;
    if (aside) process.remove_suffix(kAside.size());
    const std::string expected = temporary_name(target, process) + std::string(aside ? kAside : "");
    if (name != expected || !is_left_over(process, entry->path().string())) continue;
    std::error_code ignored;
    if (aside && !fs::exists(target, ignored)) {
      fs::rename(entry->path(), target, ignored);
    } else {
      fs::remove_all(entry->path(), ignored);
    }
  }
}

void sync_folder(const std::string& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() || entry.is_directory()) sync_path(entry.path().string());
  }
  sync_path(folder);
}

/// Whether the file system exchanged the two; if it cannot, errno says so.
bool swap_places(const std::string& one, const std::string& other) {
#ifdef RENAME_EXCHANGE
  return ::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) == 0;
#else
  errno = ENOSYS;
  return false;
#endif
}

/// In two steps, for file systems that cannot exchange. The old one is left at `aside`.
std::error_code replace_in_two_steps(const std::string& from, const std::string& to,
                                     const std::string& aside) {
  std::error_code error;
  fs::rename(to, aside, error);
  if (error) return error;
  fs::rename(from, to, error);
  std::error_code ignored;
  if (error) fs::rename(aside, to, ignored);
  return error;
}

void require_place(const fs::path& place, const std::string& given, bool overwrite) {
  std::error_code error;
  if (!fs::exists(place, error)) return;
  require(fs::is_directory(place, error), ErrorCode::Usage, "--out {}: exists and is not a folder",
          given);
  require(overwrite || fs::is_empty(place, error), ErrorCode::Usage,
          "--out {}: exists and is not empty; choose another name or give --overwrite", given);
}

}  // namespace

void require_output_folder(const std::string& path, bool overwrite) {
  require_place(path, path, overwrite);
  std::error_code error;
  fs::path above = fs::absolute(path).lexically_normal();
  if (!above.has_filename()) above = above.parent_path();  // it ended in a slash
  do {
    above = above.parent_path();
  } while (above.has_relative_path() && !fs::exists(above, error));
  require(::access(above.c_str(), W_OK) == 0, ErrorCode::Io, "--out {}: {} cannot be written: {}",
          path, above.string(), std::strerror(errno));
}

OutputFolder::OutputFolder(std::string path, bool overwrite)
    : path_(fs::absolute(path).lexically_normal().string()) {
  while (path_.size() > 1 && path_.back() == '/') path_.pop_back();
  std::error_code error;
  if (fs::is_symlink(path_, error)) {  // a link stays: the folder it names is filled
    path_ = fs::canonical(path_, error).string();
    require(!error, ErrorCode::Usage, "--out {}: is a link to nowhere: {}", path, error.message());
  }
  require(path_ != "/", ErrorCode::Usage, "--out {}: expected a folder below /", path);
  const fs::path target(path_);
  sweep_folders(target);
  require_place(target, path, overwrite);
  fs::create_directories(target.parent_path(), error);
  require(!error, ErrorCode::Io, "--out {}: the folder above cannot be created: {}", path,
          error.message());
  temporary_ = (target.parent_path() / temporary_name(target, process_name())).string();
  fs::remove_all(temporary_, error);  // of a run that had this process's number
  if (!error) fs::create_directory(temporary_, error);
  require(!error, ErrorCode::Io, "--out {}: cannot be written: {}", path, error.message());
}

OutputFolder::~OutputFolder() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(temporary_, ignored);
}

std::string OutputFolder::file(const std::string& name) const { return temporary_ + "/" + name; }

void OutputFolder::commit() {
  std::error_code error;
  const std::string aside = temporary_ + std::string(kAside);
  try {
    sync_folder(temporary_);
  } catch (const fs::filesystem_error& unreadable) {
    error = unreadable.code();
  }
  std::error_code ignored;
  if (!error && fs::exists(path_, ignored)) {
    const bool exchanged = swap_places(temporary_, path_);
    const int reason = exchanged ? 0 : errno;
    if (reason == EINVAL || reason == ENOSYS || reason == ENOTSUP) {
      error = replace_in_two_steps(temporary_, path_, aside);
    } else if (reason != 0) {
      error = std::error_code(reason, std::generic_category());
    }
  } else if (!error) {
    fs::rename(temporary_, path_, error);
  }
  if (error) fail(ErrorCode::Io, "{}: cannot be put in place: {}", path_, error.message());
  committed_ = true;
  sync_path(fs::path(path_).parent_path().string());
  fs::remove_all(temporary_, ignored);  // the old one, after an exchange
  fs::remove_all(aside, ignored);
}

}  // namespace mpq
