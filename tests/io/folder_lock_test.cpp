// One process at a time: waiting, telling who holds the lock, being released by death.
#include "mpq/io/folder_lock.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <thread>

#include "mpq/core/json_file.h"
#include "mpq/core/log.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {
using testing::HasSubstr;

/// A process that holds the lock until it is told to end.
class LockHolder {
 public:
  explicit LockHolder(const std::string& path) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    child_ = ::fork();
    if (child_ == 0) {
      const FolderLock lock(path, "mpq score of another");
      const bool told = ::write(ends[1], "x", 1) == 1;
      ::sleep(told ? 60 : 0);
      ::_exit(0);
    }
    char ready = 0;
    EXPECT_EQ(::read(ends[0], &ready, 1), 1);
    ::close(ends[0]);
    ::close(ends[1]);
  }
  ~LockHolder() { end(); }
  void end() {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    child_ = 0;
  }
  pid_t process() const { return child_; }

 private:
  pid_t child_ = 0;
};

/// Exit status of `action` in a child: 0, or the code of its Error; 99: it took over 20 s.
int status_in_child(const std::function<void()>& action) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);
    int status = 0;
    try {
      action();
    } catch (const Error& error) {
      status = error.exit_status();
    }
    ::_exit(status);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

TEST(FolderLock, WaitsForTheHolderAndSaysOnceWhoItIs) {
  const TemporaryFolder place;
  LockHolder holder(place.path());
  std::vector<std::string> said;
  set_log_sinks({[&](LogLevel, const std::string& text) { said.push_back(text); }, {}});
  const pid_t other = holder.process();
  std::thread killer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    holder.end();
  });
  const auto start = std::chrono::steady_clock::now();
  {
    const FolderLock lock(place.path(), "mpq calibrate");
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    EXPECT_GT(took.count(), 0.5);
    EXPECT_LT(took.count(), 5);
    const Json json = read_json_file(place.file(".lock"));
    EXPECT_EQ(json.at("pid"), ::getpid());
    EXPECT_EQ(json.at("command"), "mpq calibrate");
    EXPECT_TRUE(json.contains("host") && json.contains("since"));
  }
  killer.join();
  set_log_sinks({});
  ASSERT_EQ(said.size(), 1U);
  EXPECT_EQ(said[0], fmt::format("--work {}: process {} (mpq score of another) works here; waiting",
                                 place.path(), other));
  EXPECT_EQ(read_text_file(place.file(".lock")), "");
}

TEST(FolderLock, AnInterruptEndsTheWaiting) {
  const TemporaryFolder place;
  const LockHolder holder(place.path());
  EXPECT_EQ(status_in_child([&] {
              request_interrupt();
              const FolderLock lock(place.path(), "mpq");
            }),
            static_cast<int>(ErrorCode::Interrupted));
}

TEST(FolderLock, KeysOfAStoreAreApart) {
  const TemporaryFolder place;
  const LockHolder holder(place.file("key-1"));
  EXPECT_EQ(status_in_child([&] { const FolderLock lock(place.file("key-2"), "mpq", ""); }), 0);
  EXPECT_EQ(status_in_child([&] {
              request_interrupt();
              const FolderLock lock(place.file("key-1"), "mpq", "");
            }),
            static_cast<int>(ErrorCode::Interrupted));
  EXPECT_TRUE(std::filesystem::exists(place.file("key-1.lock")));
}

TEST(FolderLock, OneProcessMayHoldItTwice) {
  const TemporaryFolder place;
  auto outer = std::make_unique<FolderLock>(place.path(), "mpq run");
  const FolderLock inner(place.path() + "/", "mpq score");
  outer.reset();
  const auto taken = [&] {
    request_interrupt();
    const FolderLock lock(place.path(), "mpq");
  };
  EXPECT_EQ(status_in_child(taken), static_cast<int>(ErrorCode::Interrupted));
}

TEST(FolderLock, APlaceThatCannotBeWrittenIsAnError) {
  EXPECT_THAT(error_of(ErrorCode::Io, [] { FolderLock("/proc/mpq/work", "mpq"); }),
              HasSubstr("cannot be made"));
}

}  // namespace
}  // namespace mpq
