// fork and exec with pipes to files.
#include "tests/e2e/program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/support/source_path.h"

namespace mpq {
namespace fs = std::filesystem;
namespace {

std::string contents(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

ProgramResult run_mpq(const std::vector<std::string>& arguments, const ProgramLimits& limits) {
  const TemporaryFolder logs;
  const std::string out = logs.file("out");
  const std::string err = logs.file("err");
  std::vector<std::string> words{MPQ_BINARY};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    const int out_file = ::open(out.c_str(), O_WRONLY | O_CREAT, 0600);
    const int err_file = ::open(err.c_str(), O_WRONLY | O_CREAT, 0600);
    ::dup2(limits.out.empty() ? out_file : ::open(limits.out.c_str(), O_WRONLY), STDOUT_FILENO);
    ::dup2(err_file, STDERR_FILENO);
    if (limits.closed_out) ::close(STDOUT_FILENO);
    if (limits.file_bytes > 0) {
      const rlimit limit{static_cast<rlim_t>(limits.file_bytes),
                         static_cast<rlim_t>(limits.file_bytes)};
      ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    ::execv(MPQ_BINARY, argv.data());
    ::_exit(127);
  }
  int status = 0;
  if (limits.kill_after_seconds > 0) {
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::duration<double>(limits.kill_after_seconds);
    bool ended = false;
    while (!ended && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      siginfo_t info{};
      ended = ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
              info.si_pid == child;
    }
    ::kill(child, limits.signal);  // does nothing to a process that has ended
  }
  ::waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), contents(out),
          contents(err)};
}

Json run_json(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--json", "--quiet"});
  const ProgramResult result = run_mpq(arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  return result.status == 0 ? Json::parse(result.out) : Json();
}

std::string small_model() { return source_path("tests/golden/architectures/stories260K"); }

void copy_model(const std::string& to) {
  fs::create_directories(to);
  for (const char* name : {"config.json", "generation_config.json", "model.safetensors",
                           "tokenizer.json", "tokenizer_config.json"}) {
    fs::copy_file(small_model() + "/" + name, to + "/" + name,
                  fs::copy_options::overwrite_existing);
    fs::permissions(to + "/" + name, fs::perms::owner_read | fs::perms::owner_write);
  }
}

std::string write_task(const TemporaryFolder& folder) {
  const std::string path = folder.file("task.jsonl");
  std::ofstream file(path);
  for (int i = 0; i < 16; ++i) {
    file << R"({"prompt": "Once upon a time, there were )" << i
         << R"( little girls who liked to play outside in the park."})"
         << "\n";
  }
  return path;
}

}  // namespace mpq
