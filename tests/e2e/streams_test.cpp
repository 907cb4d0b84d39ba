// Results that do not reach stdout are an error; readers that go away are none; signals end a run.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "tests/e2e/program.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr int kLost = 3;
constexpr int kInterruptedStatus = 130;

TEST(Streams, AFullOrClosedStdoutIsAnError) {
  const TemporaryFolder folder;
  const std::vector<std::vector<std::string>> commands = {
      {"list", "--json"},
      {"--help"},
      {"--version"},
      {"run", "--help"},
      {"inspect", small_model()},
      {"tokenize", "--model", small_model(), "--task", write_task(folder)}};
  for (const auto& command : commands) {
    const ProgramResult full = run_mpq(command, {.out = "/dev/full"});
    EXPECT_EQ(full.status, kLost) << command[0] << ": " << full.err;
    EXPECT_THAT(full.err, HasSubstr("error: stdout: ")) << command[0];
    const ProgramResult closed = run_mpq(command, {.closed_out = true});
    EXPECT_EQ(closed.status, kLost) << command[0] << ": " << closed.err;
  }
}

TEST(Streams, AClosedStdoutIsNotTakenForAFile) {
  const TemporaryFolder folder;
  const std::string logits = folder.file("logits.safetensors");
  run_mpq({"logits", "--model", small_model(), "--task", write_task(folder), "--out", logits,
           "--quiet"},
          {.closed_out = true});
  const ProgramResult read = run_mpq({"inspect", logits});
  EXPECT_EQ(read.status, 0) << read.err;
}

TEST(Streams, AReaderThatGoesAwayIsNoFailure) {
  const std::string head = std::string("set -o pipefail; '") + MPQ_BINARY + "' ";
  for (const char* command : {"list --json", "list", "run --help"}) {
    const TemporaryFolder folder;
    const std::string line =
        "bash -c \"" + head + command + " 2>" + folder.file("err") + " | true\"";
    EXPECT_EQ(std::system(line.c_str()), 0) << command;
    EXPECT_EQ(fs::file_size(folder.file("err")), 0U) << command;
  }
}

TEST(Streams, AFullStderrDoesNotCostTheResult) {
  const TemporaryFolder folder;
  const std::string line = std::string("'") + MPQ_BINARY + "' eval --model " + small_model() +
                           " --reference " + small_model() + " --task " + write_task(folder) +
                           " --json 2>/dev/full >" + folder.file("out");
  EXPECT_EQ(std::system(line.c_str()), 0);
  EXPECT_GT(fs::file_size(folder.file("out")), 100U);
  const std::string wrong = std::string("'") + MPQ_BINARY + "' lits 2>/dev/full";
  const int status = std::system(wrong.c_str());
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 2) << status;
}

TEST(Signals, EndARunWithinSecondsAndItGoesOnLater) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const TemporaryFolder folder;
    const std::vector<std::string> command = {
        "run", "--model", small_model(),       "--task", write_task(folder), "--budget",
        "4",   "--work",  folder.file("work"), "--out",  folder.file("out"), "--quiet"};
    const auto start = std::chrono::steady_clock::now();
    const ProgramResult stopped = run_mpq(command, {.kill_after_seconds = 1.5, .signal = signal});
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    EXPECT_EQ(stopped.status, kInterruptedStatus) << signal << ": " << stopped.err;
    EXPECT_THAT(stopped.err, HasSubstr("run the same command again"));
    EXPECT_LT(took.count(), 15);
    EXPECT_FALSE(fs::exists(folder.file("out")));
    for (const auto& entry : fs::recursive_directory_iterator(folder.path()))
      EXPECT_EQ(entry.path().string().find(".tmp-"), std::string::npos) << entry.path();
    if (signal != SIGTERM) continue;
    const ProgramResult whole = run_mpq(command);
    EXPECT_EQ(whole.status, 0) << whole.err;
  }
}

}  // namespace
}  // namespace mpq
