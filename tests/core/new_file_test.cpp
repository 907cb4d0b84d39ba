// Files that appear whole: links stay, pipes are written into, leftovers of dead processes go.
#include "mpq/core/new_file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "mpq/core/json_file.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

std::string host_name() {
  const std::string name = process_name();
  return name.substr(0, name.rfind('-'));
}

/// The number of a process that has ended.
pid_t dead_process() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  return child;
}

TEST(NewFile, ALinkStaysAndTheFileThatItNamesIsReplaced) {
  const TemporaryFolder place;
  fs::create_directory(place.file("real"));
  write_text_file(place.file("real/f"), "old");
  fs::create_symlink("real/f", place.file("link"));
  fs::create_symlink("link", place.file("second"));
  fs::create_symlink("real/new", place.file("dangling"));
  write_text_file(place.file("second"), "new");
  write_text_file(place.file("dangling"), "made");
  EXPECT_TRUE(fs::is_symlink(place.file("link")) && fs::is_symlink(place.file("second")));
  EXPECT_TRUE(fs::is_symlink(place.file("dangling")));
  EXPECT_EQ(read_text_file(place.file("real/f")), "new");
  EXPECT_EQ(read_text_file(place.file("real/new")), "made");
}

TEST(NewFile, APipeAndADescriptorAreWrittenInto) {
  const TemporaryFolder place;
  const std::string pipe = place.file("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::string received;
  std::thread reader([&] { received = read_text_file(pipe); });
  write_text_file(pipe, "through");
  reader.join();
  EXPECT_EQ(received, "through");
  EXPECT_TRUE(fs::is_fifo(pipe));
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  write_text_file("/dev/fd/" + std::to_string(ends[1]), "more");
  char text[8] = {};
  EXPECT_EQ(::read(ends[0], text, sizeof(text)), 4);
  EXPECT_STREQ(text, "more");
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(NewFile, AFullDeviceBehindALinkIsAnErrorAndStays) {
  const TemporaryFolder place;
  fs::create_symlink("/dev/full", place.file("f"));
  const std::string message =
      error_of(ErrorCode::Io, [&] { write_text_file(place.file("f"), "x"); });
  EXPECT_THAT(message, testing::HasSubstr("No space left on device; free some space"));
  EXPECT_TRUE(fs::is_symlink(place.file("f")));
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
}

TEST(NewFile, LeftoversOfTheDeadAreSweptNeverThoseOfTheLiving) {
  const TemporaryFolder place;
  const std::string dead = fmt::format("{}-{}", host_name(), dead_process());
  const std::string living = fmt::format("{}-{}", host_name(), ::getppid());
  for (const std::string& name :
       {"a.json.tmp-" + dead, "b.tmp-" + living, std::string("c.tmp-elsewhere-7"),
        std::string("d.tmp-elsewhere-8"), std::string("e.tmp-"), "f.tmp-" + dead + "x"})
    write_text_file(place.file(name), "part");
  fs::last_write_time(place.file("d.tmp-elsewhere-8"),
                      fs::file_time_type::clock::now() - std::chrono::hours(25));
  sweep_temporary_files(place.path());
  EXPECT_THAT(place.entries(), testing::ElementsAre("b.tmp-" + living, "c.tmp-elsewhere-7",
                                                    "e.tmp-", "f.tmp-" + dead + "x"));
}

TEST(NewFile, TheFirstWriteToAFolderSweepsIt) {
  const TemporaryFolder place;
  const std::string left = fmt::format("old.tmp-{}-{}", host_name(), dead_process());
  fs::create_directory(place.file("work"));
  fs::copy_file("/proc/self/comm", place.file("work/" + left));
  fs::create_directories(place.file("work/below"));
  fs::copy_file("/proc/self/comm", place.file("work/below/" + left));
  write_text_file(place.file("work/new"), "x");
  EXPECT_FALSE(fs::exists(place.file("work/" + left)));
  EXPECT_TRUE(fs::exists(place.file("work/below/" + left)));
  sweep_temporary_files(place.path(), true);
  EXPECT_FALSE(fs::exists(place.file("work/below/" + left)));
  EXPECT_TRUE(fs::exists(place.file("work/new")));
}

TEST(NewFile, TheLongestNameIsWritten) {
  const TemporaryFolder place;
  write_text_file(place.file(std::string(255, 'n')), "x");
  EXPECT_EQ(place.entries().size(), 1U);
}

}  // namespace
}  // namespace mpq
