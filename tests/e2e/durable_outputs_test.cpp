// What a power cut must not take: all of an output is on the disk before it gets its name, and the
// name before the command ends. tests/preload/sync_log.cpp says what was synced and renamed, when.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "tests/e2e/program.h"
#include "tests/support/can_exchange_folders.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

/// A sync of `path` when it had so many bytes, or, where `from` is not empty, a renaming to `path`.
struct DiskEvent {
  std::string from, path;
  uintmax_t bytes = 0;
};

std::vector<DiskEvent> read_events(const std::string& log) {
  std::vector<DiskEvent> events;
  std::istringstream lines(fs::exists(log) ? read_text_file(log) : "");
  for (std::string call, first, second; std::getline(lines, call, '\t') &&
                                        std::getline(lines, first, '\t') &&
                                        std::getline(lines, second);) {
    if (call == "sync") events.push_back({"", second, std::stoull(first)});
    if (call == "rename") events.push_back({first, second});
  }
  return events;
}

class DurableOutputs : public testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer must be loaded before any other library";
#endif
    fs::create_directory(root_ + "/plans");
  }

  /// The command must succeed; events() are those of it alone.
  void run(std::vector<std::string> arguments) {
    fs::remove(log_);
    arguments.insert(arguments.end(), {"--work", root_ + "/work", "--quiet"});
    ::setenv("LD_PRELOAD", MPQ_SYNC_LOG_LIBRARY, 1);
    ::setenv("MPQ_SYNC_LOG", log_.c_str(), 1);
    const ProgramResult result = run_mpq(arguments);
    ::unsetenv("LD_PRELOAD");
    ::unsetenv("MPQ_SYNC_LOG");
    ASSERT_EQ(result.status, 0) << result.err;
    events_ = read_events(log_);
    ASSERT_FALSE(events_.empty()) << "nothing was logged";
  }

  void calibrate() {
    run({"calibrate", "--model", small_model(), "--task", task_, "--text-windows", "4",
         "--text-window-tokens", "64"});
  }
  void allocate() {
    run({"allocate", "--budget", "5", "--scorer", "mse", "--quantizer", "rtn:sym", "--no-verify",
         "--out", plan_});
  }

  /// Whether all bytes of what is at `path` by the event `end` were synced before, under this name
  /// or those that it had until then.
  bool bytes_are_synced(const std::string& path, uintmax_t bytes, size_t end) const {
    for (size_t i = end; i-- > 0;) {
      const DiskEvent& event = events_[i];
      if (event.path != path) continue;
      if (!event.from.empty()) return bytes_are_synced(event.from, bytes, i);
      if (event.bytes == bytes) return true;
    }
    return false;
  }

  /// Whether the folder was synced after the last renaming in it before the event `end`.
  bool names_are_synced(const std::string& folder, size_t end) const {
    for (size_t i = end; i-- > 0;) {
      const DiskEvent& event = events_[i];
      if (event.from.empty() && event.path == folder) return true;
      if (!event.from.empty() && fs::path(event.path).parent_path() == folder) return false;
    }
    return false;
  }

  /// Of a file or a folder with all that is in it.
  void expect_durable(const std::string& path) const {
    const auto last = std::find_if(events_.rbegin(), events_.rend(), [&](const DiskEvent& event) {
      return !event.from.empty() && event.path == path;
    });
    ASSERT_NE(last, events_.rend()) << path << " was not put in place";
    const size_t moved = static_cast<size_t>(events_.rend() - last) - 1;
    const std::string& before = last->from;
    if (fs::is_regular_file(path)) {
      EXPECT_TRUE(bytes_are_synced(before, fs::file_size(path), moved)) << path;
    } else {
      EXPECT_TRUE(names_are_synced(before, moved)) << path;
      for (const auto& entry : fs::recursive_directory_iterator(path)) {
        const std::string inside = before + entry.path().string().substr(path.size());
        EXPECT_TRUE(entry.is_directory() ? names_are_synced(inside, moved)
                                         : bytes_are_synced(inside, entry.file_size(), moved))
            << inside;
      }
    }
    const std::string folder = fs::path(path).parent_path().string();
    EXPECT_TRUE(std::any_of(
        last.base(), events_.end(),
        [&](const DiskEvent& event) { return event.from.empty() && event.path == folder; }))
        << folder << " was not synced after " << path << " came into it";
  }

  /// Folders that are there under the key of their inputs; there must be one.
  std::vector<std::string> kept_folders(const std::string& kind) const {
    std::vector<std::string> folders;
    for (const auto& entry : fs::directory_iterator(root_ + "/work/" + kind)) {
      if (entry.is_directory()) folders.push_back(entry.path().string());
    }
    EXPECT_EQ(folders.size(), 1U) << kind;
    return folders;
  }

  TemporaryFolder folder_;
  std::string root_ = fs::canonical(folder_.path()).string();
  std::string task_ = write_task(folder_), plan_ = root_ + "/plans/plan.json";
  std::string log_ = root_ + "/syncs.log";
  std::vector<DiskEvent> events_;
};

TEST_F(DurableOutputs, StatisticsAndPlansAreSyncedBeforeTheyTakeTheirNames) {
  ASSERT_NO_FATAL_FAILURE(calibrate());
  for (const auto& statistics : kept_folders("calib")) expect_durable(statistics);
  expect_durable(root_ + "/work/manifest.json");
  ASSERT_NO_FATAL_FAILURE(allocate());
  expect_durable(plan_);
  for (const auto& scores : fs::directory_iterator(root_ + "/work/scores"))
    expect_durable(scores.path().string());
}

TEST_F(DurableOutputs, CheckpointsAreSyncedBeforeTheyTakeTheirNames) {
  ASSERT_NO_FATAL_FAILURE(calibrate());
  ASSERT_NO_FATAL_FAILURE(allocate());
  const std::string out = root_ + "/checkpoints/out";
  ASSERT_NO_FATAL_FAILURE(run({"quantize", "--plan", plan_, "--out", out}));
  for (const auto& parts : kept_folders("parts")) expect_durable(parts);
  ASSERT_TRUE(fs::exists(out + "/model.safetensors"));
  expect_durable(out);
  // Another one in its place.
  ASSERT_NO_FATAL_FAILURE(
      run({"quantize", "--plan", plan_, "--out", out, "--format", "mpq", "--overwrite"}));
  ASSERT_TRUE(fs::exists(out + "/model.safetensors"));
  expect_durable(out);
  // The old one was never moved away: both changed places in one step.
  if (!can_exchange_folders(root_)) return;
  for (const DiskEvent& event : events_) EXPECT_NE(event.from, out) << "to " << event.path;
}

}  // namespace
}  // namespace mpq
