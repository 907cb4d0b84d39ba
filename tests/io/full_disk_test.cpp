// Disks that fill up while a file is written: the message says so and nothing is left behind.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>

#include "mpq/core/json_file.h"
#include "mpq/io/memory_budget.h"
#include "mpq/io/output_folder.h"
#include "mpq/io/safetensors.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;
using testing::HasSubstr;

/// Runs `action` in a child whose files cannot grow past `bytes`; its Error's code, a space and its
/// message, or "no error". OpenMP's threads stay in the parent: no large operation in `action`.
std::string on_small_disk(rlim_t bytes, const std::function<void()>& action) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe(ends.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, bytes};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    std::string result = "no error";
    try {
      action();
    } catch (const Error& error) {
      result = fmt::format("{} {}", error.exit_status(), error.what());
    }
    const bool told = ::write(ends[1], result.data(), result.size()) > 0;
    ::_exit(told ? 0 : 1);
  }
  ::close(ends[1]);
  std::string result;
  std::array<char, 256> part{};
  for (ssize_t count = 0; (count = ::read(ends[0], part.data(), part.size())) > 0;)
    result.append(part.data(), static_cast<size_t>(count));
  ::close(ends[0]);
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the child died: " << status;
  return result;
}

TEST(FullDisk, AWriterSaysSoAndLeavesNothing) {
  const TemporaryFolder place;
  const at::Tensor tensor = at::zeros({100000});
  for (const rlim_t bytes : {0, 20, 4096, 399999}) {
    const auto result = on_small_disk(bytes, [&] {
      save_tensors(place.file("f"), {{"x", tensor}});
    });
    EXPECT_THAT(result, HasSubstr("3 " + place.file("f") + ": writing failed: File too large"));
    EXPECT_THAT(result, HasSubstr("free some space"));
    EXPECT_TRUE(place.empty()) << bytes;
  }
  EXPECT_EQ(on_small_disk(500000,
                          [&] {
                            save_tensors(place.file("f"), {{"x", tensor}});
                          }),
            "no error");
  EXPECT_EQ(SafetensorsFile(place.file("f")).tensor("x").numel(), 100000);
}

TEST(FullDisk, NoSpaceLeftOnDevice) {
  const TemporaryFolder place;
  fs::create_symlink("/dev/full", place.file("f"));  // a device is written into
  const std::string message = error_of(ErrorCode::Io, [&] {
    save_tensors(place.file("f"), {{"x", at::zeros({1000})}});
  });
  EXPECT_THAT(message, HasSubstr("writing failed: No space left on device; free some space"));
  EXPECT_TRUE(fs::is_symlink(place.file("f")));
}

TEST(FullDisk, AnOldFileOfTheNameStays) {
  const TemporaryFolder place;
  save_tensors(place.file("f"), {{"old", at::ones({1})}});
  on_small_disk(20, [&] { save_tensors(place.file("f"), {{"x", at::zeros({1000})}}); });
  EXPECT_TRUE(SafetensorsFile(place.file("f")).contains("old"));
}

TEST(FullDisk, AnOutputFolderGoesWithItsFiles) {
  const TemporaryFolder place;
  const at::Tensor tensor = at::zeros({100000});
  const auto result = on_small_disk(4096, [&] {
    OutputFolder folder(place.file("out"), false);
    write_text_file(folder.file("config.json"), "{}");
    save_tensors(folder.file("model.safetensors"), {{"x", tensor}});
    folder.commit();
  });
  EXPECT_THAT(result, HasSubstr("writing failed"));
  EXPECT_TRUE(place.empty());
}

TEST(FullDisk, ScratchThatDoesNotFitIsAnErrorAtOnce) {
  const TemporaryFolder place;
  const auto result = on_small_disk(4096, [&] {
    MemoryBudget memory(0, place.path());
    memory.allocate(8, 128, at::kFloat).fill_(1);  // 4096 bytes
    memory.allocate(8, 129, at::kFloat).fill_(1);
  });
  EXPECT_THAT(result, HasSubstr("3 " + place.path() + ": a scratch file of 4128 bytes"));
  EXPECT_TRUE(place.empty());
}

TEST(FullDisk, ANameThatCannotBeOpenedIsNotAFullDisk) {
  const TemporaryFolder place;
  const std::string message = error_of(ErrorCode::Io, [&] {
    save_tensors(place.file("missing/f"), {{"x", at::zeros({1})}});
  });
  EXPECT_THAT(message, HasSubstr("No such file or directory"));
  EXPECT_THAT(message, testing::Not(HasSubstr("free some space")));
}

}  // namespace
}  // namespace mpq
