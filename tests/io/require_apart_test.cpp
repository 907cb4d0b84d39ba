// Outputs at, above or inside what they are made from; exchanges; leftovers of killed runs.
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "mpq/core/json_file.h"
#include "mpq/core/new_file.h"
#include "mpq/io/output_folder.h"
#include "mpq/io/safetensors.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;
using testing::HasSubstr;

class RequireApart : public testing::Test {
 protected:
  RequireApart() {
    fs::create_directories(place_.file("models/m/original"));
    write_text_file(place_.file("models/m/config.json"), "{}");
    write_text_file(place_.file("models/m/original/params.json"), "{}");
    fs::create_directory_symlink(place_.file("models/m"), place_.file("link"));
    fs::create_directory_symlink(place_.file("models"), place_.file("above"));
  }
  void expect_refused(const std::string& out, const std::string& input) const {
    EXPECT_THAT(error_of(ErrorCode::Usage,
                         [&] {
                           require_apart(out, {"", input}, "--out");
                         }),
                HasSubstr("--out " + out + ": would replace"));
  }
  TemporaryFolder place_;
  std::string model_ = place_.file("models/m");
};

TEST_F(RequireApart, TheSourceOrAFolderAboveItIsRefused) {
  for (const std::string& out : {model_, model_ + "/", model_ + "/./", model_ + "/original/..",
                                 place_.file("link"), place_.file("above"), place_.file("models"),
                                 place_.file("above/m"), place_.path(), std::string("/")}) {
    expect_refused(out, model_);
    expect_refused(out, place_.file("link"));
    EXPECT_THAT(error_of(ErrorCode::Usage, [&] { require_apart(out, {model_}, "--out", true); }),
                HasSubstr("would replace"));
  }
  expect_refused(place_.file("models"), model_ + "/config.json");
}

TEST_F(RequireApart, APartOfTheSourceIsRefusedANewFolderInItIsNot) {
  expect_refused(model_ + "/original", model_);
  expect_refused(place_.file("link/original"), model_);
  expect_refused(model_ + "/config.json", model_);
  require_apart(model_ + "/out", {model_}, "--out");
  require_apart(model_ + "/plan.json", {model_}, "--out");
  require_apart(model_ + "/original", {model_}, "--out", true);
  require_apart(place_.file("models/n"), {model_}, "--out");
  require_apart(place_.file("models/m2"), {model_, place_.file("nowhere")}, "--out");
  require_apart("", {model_}, "--out");
}

/// A child that makes the temporary folder of an output and is killed.
void leave_behind(const std::string& out) {
  const pid_t child = ::fork();
  if (child == 0) {
    const OutputFolder folder(out, true);
    write_text_file(folder.file("f"), "part");
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
}

TEST(OutputFolderLeftovers, AreSweptByTheNextRunOfThisOutput) {
  const TemporaryFolder place;
  leave_behind(place.file("out"));
  leave_behind(place.file("o"));
  ASSERT_EQ(place.entries().size(), 2U);
  {
    OutputFolder folder(place.file("out"), false);
    write_text_file(folder.file("f"), "1");
    folder.commit();
  }
  EXPECT_EQ(place.entries().size(), 2U);  // that of "o" waits for the next run of "o"
  EXPECT_EQ(read_text_file(place.file("out/f")), "1");
  const OutputFolder other(place.file("o"), false);
  EXPECT_EQ(place.entries().size(), 2U);
  EXPECT_EQ(read_text_file(place.file("out/f")), "1");
}

TEST(OutputFolderLeftovers, AnOutputThatWasMovedAsideComesBack) {
  const TemporaryFolder place;
  const pid_t dead = [] {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    ::waitpid(child, nullptr, 0);
    return child;
  }();
  const std::string own = process_name();
  const std::string aside =
      place.file(fmt::format(".out.partial-{}-{}.old", own.substr(0, own.rfind('-')), dead));
  fs::create_directory(aside);
  fs::copy_file("/proc/self/comm", aside + "/only-copy");
  EXPECT_THAT(error_of(ErrorCode::Usage, [&] { OutputFolder(place.file("out"), false); }),
              HasSubstr("not empty"));
  EXPECT_TRUE(fs::exists(place.file("out/only-copy")));
}

TEST(OutputFolderExchange, TheOldOneGoesOnlyWhenTheNewOneIsThere) {
  const TemporaryFolder place;
  fs::create_directory(place.file("out"));
  write_text_file(place.file("out/old"), "old");
  OutputFolder folder(place.file("out"), true);
  fs::create_directory(folder.file("sub"));
  write_text_file(folder.file("sub/new"), "new");
  folder.commit();
  EXPECT_FALSE(fs::exists(place.file("out/old")));
  EXPECT_EQ(read_text_file(place.file("out/sub/new")), "new");
  EXPECT_EQ(place.entries().size(), 1U);
}

TEST(SafetensorsPointer, IsSaidToBeOne) {
  const TemporaryFolder place;
  write_text_file(place.file("model.safetensors"),
                  "version https://git-lfs.github.com/spec/v1\noid sha256:4b\nsize 52\n");
  EXPECT_THAT(
      error_of(ErrorCode::Format, [&] { SafetensorsFile(place.file("model.safetensors")); }),
      testing::AllOf(HasSubstr("model.safetensors"), HasSubstr("git lfs pull")));
  write_text_file(place.file("model.safetensors"), "<!doctype html><html></html>");
  EXPECT_THAT(
      error_of(ErrorCode::Format, [&] { SafetensorsFile(place.file("model.safetensors")); }),
      HasSubstr("web page"));
}

}  // namespace
}  // namespace mpq
