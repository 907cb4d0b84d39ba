// Preloaded into mpq: every sync and rename that succeeds is a line of the file that MPQ_SYNC_LOG
// names, in order: "sync BYTES PATH" or "rename FROM TO", tabs between.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace {
namespace fs = std::filesystem;

/// The function that this library stands before.
template <class Function>
Function behind(Function, const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

/// Leaves errno alone: it is the caller's.
void note(const std::string& line) {
  const int error = errno;
  const char* log = std::getenv("MPQ_SYNC_LOG");
  const int file =
      log == nullptr ? -1 : ::open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file >= 0) {
    if (::write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) ::abort();
    ::close(file);
  }
  errno = error;
}

/// The name in a folder without links; a link itself stays one.
std::string place_of(const char* path) {
  const fs::path given(path);
  std::error_code error;
  const fs::path folder = fs::canonical(given.has_parent_path() ? given.parent_path() : ".", error);
  return error ? path : (folder / given.filename()).string();
}

int synced(int file, int (*sync)(int)) {
  const int result = sync(file);
  struct stat status {};
  if (result != 0 || ::fstat(file, &status) != 0) return result;
  std::error_code error;
  const fs::path path = fs::read_symlink("/proc/self/fd/" + std::to_string(file), error);
  note("sync\t" + std::to_string(status.st_size) + "\t" + path.string() + "\n");
  return result;
}

/// `move` puts `from` at `to`, or exchanges the two.
template <class Move>
int renamed(const char* from, const char* to, const Move& move) {
  const std::string before = place_of(from);
  const int result = move();
  if (result == 0) note("rename\t" + before + "\t" + place_of(to) + "\n");
  return result;
}

}  // namespace

// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): libc's begin with __
extern "C" {

int fsync(int file) { return synced(file, behind(&::fsync, "fsync")); }

int fdatasync(int file) { return synced(file, behind(&::fdatasync, "fdatasync")); }

int rename(const char* from, const char* to) noexcept {
  return renamed(from, to, [&] { return behind(&::rename, "rename")(from, to); });
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to,
              unsigned flags) noexcept {
  return renamed(from, to, [&] {
    return behind(&::renameat2, "renameat2")(from_folder, from, to_folder, to, flags);
  });
}

}  // extern "C"
// NOLINTEND(readability-inconsistent-declaration-parameter-name)
