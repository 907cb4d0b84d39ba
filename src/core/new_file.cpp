// Temporary names, syncing, renaming, and writing into pipes.
#include "mpq/core/new_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <set>

#include "mpq/core/error.h"

namespace mpq {
namespace fs = std::filesystem;
namespace {

constexpr int kMaxLinks = 40;  // as the kernel's own limit

/// N of /dev/fd/N and its other names; -1: it is none. Opening one again would lose its offset.
int descriptor_of(const std::string& path) {
  if (path == "/dev/stdout") return STDOUT_FILENO;
  if (path == "/dev/stderr") return STDERR_FILENO;
  for (const std::string folder : {"/dev/fd/", "/proc/self/fd/"}) {
    const bool inside = path.rfind(folder, 0) == 0 && path.size() > folder.size() &&
                        path.size() < folder.size() + 9 &&
                        path.find_first_not_of("0123456789", folder.size()) == std::string::npos;
    if (inside) return std::stoi(path.substr(folder.size()));
  }
  return -1;
}

/// The name behind links, there or not; it stops at a name of an open descriptor.
std::string behind_links(std::string path) {
  std::error_code error;
  for (int i = 0; i < kMaxLinks && descriptor_of(path) < 0 && fs::is_symlink(path, error); ++i) {
    const fs::path link = fs::read_symlink(path, error);
    if (error) break;
    path = (fs::path(path).parent_path() / link).string();
  }
  return path;
}

std::string folder_of(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

void sweep_once(const std::string& folder) {
  static std::mutex mutex;
  static std::set<std::string> swept;
  const std::lock_guard<std::mutex> lock(mutex);
  std::error_code ignored;
  if (swept.insert(fs::absolute(folder, ignored).string()).second) sweep_temporary_files(folder);
}

}  // namespace

NewFile::NewFile(const std::string& path, Sync sync)
    : path_(path), target_(behind_links(path)), synced_(sync == Sync::Yes) {
  const int descriptor = descriptor_of(target_);
  struct stat status {};
  const bool there = descriptor >= 0 || ::stat(target_.c_str(), &status) == 0;
  require(descriptor >= 0 || !there || !S_ISDIR(status.st_mode), ErrorCode::Io,
          "{}: cannot be written: expected a file, found a folder", path_);
  if (descriptor >= 0) {
    file_ = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  } else if (there && !S_ISREG(status.st_mode)) {
    file_ = ::open(target_.c_str(), O_WRONLY | O_CLOEXEC);
  } else {
    const std::string folder = folder_of(target_);
    sweep_once(folder);
    temporary_ = folder + "/" +
                 limited_name(fs::path(target_).filename().string(), ".tmp-" + process_name());
    file_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  }
  if (file_ < 0) {
    const int reason = errno;
    temporary_.clear();
    fail(ErrorCode::Io, "{}: cannot be written: {}", path_, std::strerror(reason));
  }
}

NewFile::~NewFile() {
  if (file_ < 0) return;
  ::close(file_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void NewFile::fail_io(int reason) const {
  const bool full = reason == ENOSPC || reason == EDQUOT || reason == EFBIG;
  fail(ErrorCode::Io, "{}: writing failed: {}{}{}", path_, std::strerror(reason),
       full ? "; free some space or choose another place and run again" : "",
       temporary_.empty() ? "" : "; nothing was left behind");
}

void NewFile::write(const void* data, size_t size) {
  const char* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t count = ::write(file_, bytes, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail_io(count < 0 ? errno : ENOSPC);
    bytes += count;
    size -= static_cast<size_t>(count);
  }
}

void NewFile::finish() {
  const bool regular = !temporary_.empty();
  if (regular && synced_ && ::fsync(file_) != 0) fail_io(errno);
  if (regular && std::rename(temporary_.c_str(), target_.c_str()) != 0) fail_io(errno);
  temporary_.clear();  // in its place: nothing to remove any more
  const bool closed = ::close(file_) == 0;
  const int reason = errno;
  file_ = -1;
  if (!closed) fail_io(reason);
  if (regular && synced_) sync_path(folder_of(target_));
}

std::string process_name() {
  char host[HOST_NAME_MAX + 1] = {};
  const bool known = ::gethostname(host, sizeof(host) - 1) == 0 && host[0] != '\0';
  return fmt::format("{}-{}", known ? host : "localhost", ::getpid());
}

std::string limited_name(const std::string& name, const std::string& suffix) {
  const size_t most = NAME_MAX - std::min<size_t>(suffix.size(), NAME_MAX);
  return name.substr(0, most) + suffix;
}

void put_in_place(const std::string& from, const std::string& to) {
  std::error_code error;
  std::filesystem::rename(from, to, error);
  require(!error, ErrorCode::Io, "{}: cannot be put in place: {}", to, error.message());
  sync_path(std::filesystem::path(to).parent_path().string());
}

void sync_path(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  require(file >= 0, ErrorCode::Io, "{}: cannot be synced: {}", path, std::strerror(errno));
  const bool synced = ::fsync(file) == 0;
  const int reason = errno;
  ::close(file);
  // Some file systems cannot sync a folder; there is nothing better to do on them.
  require(synced || reason == EINVAL || reason == ENOTSUP || reason == EROFS, ErrorCode::Io,
          "{}: cannot be synced: {}", path, std::strerror(reason));
}

}  // namespace mpq
