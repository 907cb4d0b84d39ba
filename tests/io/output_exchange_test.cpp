// While an output takes the place of an old one there is always one of them, whole: as a reader
// sees it that looks all the time, and by every event of the folder above.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "mpq/core/json_file.h"
#include "mpq/io/output_folder.h"
#include "tests/support/can_exchange_folders.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

/// What every file of a version's folder holds: a line again and again.
constexpr size_t kVersionLine = 8, kVersionText = 512 * kVersionLine;
std::string text_of_version(int version) {
  std::string text;
  while (text.size() < kVersionText) text += fmt::format("{:07}\n", version);
  return text;
}

void put_version(const std::string& path, int version) {
  OutputFolder folder(path, true);
  for (const char* name : {"config", "weights"})
    std::ofstream(folder.file(name)) << text_of_version(version);
  folder.commit();
}

/// A thread that looks at such a folder again and again.
class FolderReader {
 public:
  explicit FolderReader(const std::string& path) : path_(path), thread_([this] { look(); }) {}
  ~FolderReader() {
    if (thread_.joinable()) end();
  }
  /// Until it began a look and ended it.
  void wait_for_a_look() const {
    for (const int64_t before = looks_; looks_ < before + 2;)
      std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
  /// Ends it; what it first found wrong, or nothing.
  std::string end() {
    ended_ = true;
    thread_.join();
    return fault_;
  }

 private:
  void look() {
    for (; !ended_; ++looks_) {
      struct stat status {};
      for (int i = 0; i < 20; ++i) {
        if (::stat(path_.c_str(), &status) != 0) note("no stat", errno);
      }
      const int folder = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      if (folder < 0) {
        note("not opened", errno);
        continue;
      }
      const int version = version_of(folder, "config");
      const int other = version_of(folder, "weights");
      if (version >= 0 && other >= 0 && version != other) note("two versions in one folder", 0);
      if (version >= 0 && version < newest_) note("an old version came back", 0);
      newest_ = std::max(newest_, version);
      ::close(folder);
    }
  }

  /// Of a file in the open folder; -1: the folder was replaced meanwhile, so it is being removed.
  int version_of(int folder, const char* name) {
    const int file = ::openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
      const int reason = errno;
      struct stat opened {};
      struct stat now {};
      ::fstat(folder, &opened);
      if (::stat(path_.c_str(), &now) != 0 || opened.st_ino == now.st_ino) note(name, reason);
      return -1;
    }
    std::string text(kVersionText + 1, '\0');
    const ssize_t bytes = ::read(file, text.data(), text.size());
    ::close(file);
    const bool whole =
        bytes == static_cast<ssize_t>(kVersionText) &&
        std::memcmp(text.data(), text.data() + kVersionLine, kVersionText - kVersionLine) == 0;
    if (!whole) note("a part of a version", 0);
    return std::atoi(text.c_str());
  }

  void note(const std::string& what, int reason) {
    if (fault_.empty()) fault_ = fmt::format("{}: {}", what, std::strerror(reason));
  }

  const std::string path_;
  std::string fault_;
  int newest_ = 0;
  std::atomic<int64_t> looks_ = 0;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

/// What came to a name in a folder and left it; it has one holder at first.
class NameWatch {
 public:
  NameWatch(const std::string& folder, std::string name)
      : name_(std::move(name)), watch_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    const uint32_t events = IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE;
    EXPECT_GE(::inotify_add_watch(watch_, folder.c_str(), events), 0) << std::strerror(errno);
  }
  ~NameWatch() { ::close(watch_); }
  NameWatch(const NameWatch&) = delete;
  NameWatch& operator=(const NameWatch&) = delete;

  /// Its holders by the events so far, at every moment the most and the least; an exchange brings
  /// the new one before it takes the old one.
  std::pair<int, int> most_and_least() {
    int holders = 1, most = 1, least = 1;
    alignas(inotify_event) std::array<char, 4096> buffer{};
    for (ssize_t size = 0; (size = ::read(watch_, buffer.data(), buffer.size())) > 0;) {
      for (const char* at = buffer.data(); at < buffer.data() + size;) {
        inotify_event event{};
        std::memcpy(&event, at, sizeof(event));
        if (event.len > 0 && name_ == at + sizeof(event)) {
          holders += (event.mask & (IN_MOVED_TO | IN_CREATE)) != 0 ? 1 : -1;
          most = std::max(most, holders);
          least = std::min(least, holders);
        }
        at += sizeof(event) + event.len;
      }
    }
    return {most, least};
  }

 private:
  std::string name_;
  int watch_;
};

class OutputExchange : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_exchange_folders(place_.path()))
      GTEST_SKIP() << "the file system cannot exchange two folders";
    put_version(out_, 0);
  }

  /// In memory where there is such a place: syncs and renamings take microseconds.
  static fs::path quick_place() {
    return ::access("/dev/shm", W_OK) == 0 ? fs::path("/dev/shm") : fs::temp_directory_path();
  }

  TemporaryFolder place_{quick_place()};
  std::string out_ = place_.file("out");
};

TEST_F(OutputExchange, AReaderAlwaysFindsOneWholeVersion) {
  FolderReader reader(out_);
  constexpr int kExchanges = 500;
  for (int version = 1; version <= kExchanges; ++version) {
    put_version(out_, version);
    reader.wait_for_a_look();
  }
  EXPECT_EQ(reader.end(), "");
  EXPECT_EQ(read_text_file(out_ + "/config"), text_of_version(kExchanges));
  EXPECT_EQ(place_.entries(), std::set<std::string>{"out"});
}

TEST_F(OutputExchange, TheOldOneLeavesItsPlaceOnlyAfterTheNewOneCame) {
  NameWatch watch(place_.path(), "out");
  put_version(out_, 1);
  EXPECT_EQ(watch.most_and_least(), (std::pair{2, 1}));
  EXPECT_EQ(place_.entries(), std::set<std::string>{"out"});
}

}  // namespace
}  // namespace mpq
