// A run that is killed again and again, and started again, ends with the bytes of one that was left
// alone, and finishes no block twice.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <random>
#include <sstream>

#include "mpq/core/hash.h"
#include "tests/e2e/program.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

/// Every file below a folder by its path there. How long things took is not an output.
std::map<std::string, std::string> hashes(const std::string& folder) {
  std::map<std::string, std::string> result;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = fs::relative(entry.path(), folder).string();
    if (!entry.is_regular_file() || name == "work/timings.json" || name == "work/report.html")
      continue;
    result[name] = sha256_of_file(entry.path().string());
  }
  return result;
}

/// Log lines that say that a block is done, with how often they came.
void count_finished_blocks(const std::string& log, std::map<std::string, int>& finished) {
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    const size_t block = line.find(": block ");
    if (block != std::string::npos && line.find(" done", block) != std::string::npos)
      ++finished[line];
  }
}

class Killed : public testing::TestWithParam<const char*> {
 protected:
  ProgramResult run(double kill_after_seconds) const {
    return run_mpq({"run", "--model", small_model(), "--task", task_, "--budget", "4", "--scorer",
                    GetParam(), "--work", folder_.file("job/work"), "--out",
                    folder_.file("job/out"), "--verbose", "--no-progress"},
                   {.kill_after_seconds = kill_after_seconds});
  }

  TemporaryFolder folder_;
  std::string task_ = write_task(folder_);
};

TEST_P(Killed, EndsWithTheSameBytesAndFinishesNoBlockTwice) {
  const auto start = std::chrono::steady_clock::now();
  const ProgramResult whole = run(0);
  ASSERT_EQ(whole.status, 0) << whole.err;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::map<std::string, int> expected;
  count_finished_blocks(whole.err, expected);
  // 5 blocks calibrated, scored (grad: task and text backwards first), quantized twice.
  ASSERT_EQ(expected.size(), std::string(GetParam()) == "grad" ? 30U : 20U) << whole.err;
  const auto bytes = hashes(folder_.file("job"));
  ASSERT_GT(bytes.size(), 20U);
  fs::rename(folder_.file("job"), folder_.file("whole"));

  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> share(0.1, 0.5);
  std::map<std::string, int> finished;
  int kills = 0;
  for (int attempt = 0; attempt < 50 && kills < 5; ++attempt) {
    const ProgramResult killed = run(took.count() * share(random));
    count_finished_blocks(killed.err, finished);
    if (killed.status == -SIGKILL) {
      ++kills;
    } else {
      ASSERT_EQ(killed.status, 0) << killed.err;  // it was quicker: from the start again
      fs::remove_all(folder_.file("job"));
      finished.clear();
    }
  }
  ASSERT_EQ(kills, 5) << "seed " << seed;
  const ProgramResult last = run(0);
  ASSERT_EQ(last.status, 0) << last.err;
  count_finished_blocks(last.err, finished);
  EXPECT_EQ(hashes(folder_.file("job")), bytes) << "seed " << seed;
  for (const auto& [line, times] : finished) EXPECT_EQ(times, 1) << line << ", seed " << seed;
}

/// What was scored is there until the scores are.
TEST_P(Killed, ScoresThatCouldNotBeWrittenAreNotMadeAgain) {
  fs::create_directories(folder_.file("job/work"));
  fs::create_symlink("nowhere", folder_.file("job/work/scores"));  // no folder can be made there
  const ProgramResult failed = run(0);
  ASSERT_NE(failed.status, 0);
  fs::remove(folder_.file("job/work/scores"));
  const ProgramResult again = run(0);
  ASSERT_EQ(again.status, 0) << again.err;
  std::map<std::string, int> finished, rest;
  count_finished_blocks(failed.err, finished);
  count_finished_blocks(again.err, rest);
  EXPECT_EQ(rest.size(), 10U) << again.err;  // quantized twice
  for (const auto& [line, times] : rest) EXPECT_EQ(finished.count(line), 0U) << line;
  EXPECT_TRUE(fs::is_empty(folder_.file("job/work/score")));
}

INSTANTIATE_TEST_SUITE_P(Scorers, Killed, testing::Values("taqo", "grad"));

}  // namespace
}  // namespace mpq
