// Locks of open file descriptions (fcntl), which NFS carries to its server; flock where there are
// none.
#include "mpq/io/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include "mpq/core/error.h"
#include "mpq/core/json_file.h"
#include "mpq/core/log.h"
#include "mpq/core/new_file.h"

namespace mpq {
namespace fs = std::filesystem;
namespace {

constexpr auto kPoll = std::chrono::milliseconds(200);

/// 0, or errno; EAGAIN: another process holds it.
int try_lock(int file) {
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  if (::fcntl(file, F_OFD_SETLK, &range) == 0) return 0;
  if (errno == EACCES) return EAGAIN;
  if (errno != EINVAL) return errno;
  if (::flock(file, LOCK_EX | LOCK_NB) == 0) return 0;
  return errno;
}

std::string now_in_utc() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

/// "process 123 (mpq score ...)"; the holder may not have written its name yet.
std::string holder(const std::string& path) {
  try {
    const Json json = read_json_file(path);
    const auto host = json_get<std::string>(json, "host", path);
    const std::string own = process_name();
    return fmt::format("process {}{} ({})", json_get<int64_t>(json, "pid", path),
                       own.substr(0, own.rfind('-')) == host ? "" : " on " + host,
                       json_get<std::string>(json, "command", path));
  } catch (const Error&) {
    return "another process";
  }
}

}  // namespace

struct FolderLock::Held {
  int file = -1;
  pid_t process = ::getpid();

  ~Held() {
    if (file < 0) return;
    // A forked child shares the lock and must not empty the file of its parent.
    if (process == ::getpid()) (void)!::ftruncate(file, 0);
    ::close(file);
  }

  void sign(const std::string& who) const {
    const std::string name = process_name();
    const std::string text = json_text({{"pid", process},
                                        {"host", name.substr(0, name.rfind('-'))},
                                        {"command", who},
                                        {"since", now_in_utc()}}) +
                             "\n";
    // Only for people: a full disk does not hinder the lock.
    if (::ftruncate(file, 0) == 0) (void)!::pwrite(file, text.data(), text.size(), 0);
  }

  void acquire(const std::string& path, const std::string& place, const std::string& who) {
    file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    require(file >= 0, ErrorCode::Io, "{}: {} cannot be made: {}", place, path,
            std::strerror(errno));
    bool said = false;
    for (int status = try_lock(file); status != 0; status = try_lock(file)) {
      if (status != EAGAIN && status != EINTR) {
        log_warning("{}: cannot be locked ({}); let no other mpq work there meanwhile", place,
                    std::strerror(status));
        ::close(file);
        file = -1;
        return;
      }
      check_interrupt("waiting for another process");
      if (!said) log_info("{}: {} works here; waiting", place, holder(path));
      said = true;
      std::this_thread::sleep_for(kPoll);
    }
    sign(who);
  }
};

FolderLock::FolderLock(const std::string& path, const std::string& who, const std::string& option) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<Held>> locks;  // of this process
  std::error_code error;
  const std::string file = fs::is_directory(path, error) ? path + "/.lock" : path + ".lock";
  const std::string key = fs::weakly_canonical(file, error).string();
  const std::lock_guard<std::mutex> guard(mutex);
  held_ = locks[key].lock();
  if (held_ && held_->process == ::getpid()) return;
  held_ = std::make_shared<Held>();
  held_->acquire(file, option.empty() ? path : option + " " + path, who);
  locks[key] = held_;
}

FolderLock::~FolderLock() = default;
FolderLock::FolderLock(FolderLock&&) noexcept = default;
FolderLock& FolderLock::operator=(FolderLock&&) noexcept = default;

}  // namespace mpq
