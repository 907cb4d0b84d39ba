// Places where no folder can be made, links, and old folders that must outlive a failure.
#include "mpq/io/output_folder.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "mpq/core/json_file.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;
using testing::HasSubstr;

TEST(OutputFolder, PlacesThatCannotBeWritten) {
  const TemporaryFolder place;
  write_text_file(place.file("plain"), "x");
  EXPECT_THAT(error_of(ErrorCode::Io, [&] { OutputFolder(place.file("plain/out"), false); }),
              HasSubstr(place.file("plain/out")));
  EXPECT_THAT(error_of(ErrorCode::Io, [&] { OutputFolder("/proc/mpq/out", false); }),
              HasSubstr("/proc/mpq/out"));
  EXPECT_THAT(error_of(ErrorCode::Io, [&] { OutputFolder("/proc/mpq-out", false); }),
              HasSubstr("cannot be written"));
  EXPECT_THAT(error_of(ErrorCode::Usage, [&] { OutputFolder(place.file("plain"), true); }),
              HasSubstr("not a folder"));
  EXPECT_THAT(error_of(ErrorCode::Usage, [&] { OutputFolder("/", true); }), HasSubstr("below /"));
  EXPECT_EQ(read_text_file(place.file("plain")), "x");
}

TEST(OutputFolder, AnEmptyFolderIsFilledWithoutOverwrite) {
  const TemporaryFolder place;
  fs::create_directory(place.file("out"));
  OutputFolder folder(place.file("out") + "/", false);
  write_text_file(folder.file("f"), "1");
  folder.commit();
  EXPECT_EQ(read_text_file(place.file("out/f")), "1");
}

TEST(OutputFolder, AnOldFolderOutlivesARunThatFails) {
  const TemporaryFolder place;
  fs::create_directory(place.file("out"));
  write_text_file(place.file("out/f"), "old");
  {
    const OutputFolder folder(place.file("out"), true);
    write_text_file(folder.file("f"), "new");
  }
  EXPECT_EQ(read_text_file(place.file("out/f")), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(place.path()), fs::directory_iterator()), 1);
}

TEST(OutputFolder, AnOldFolderComesBackWhenTheNewOneCannotTakeItsPlace) {
  const TemporaryFolder place;
  fs::create_directory(place.file("out"));
  write_text_file(place.file("out/f"), "old");
  {
    OutputFolder folder(place.file("out"), true);
    fs::remove(folder.temporary());  // somebody cleans up behind our back
    EXPECT_THAT(error_of(ErrorCode::Io, [&] { folder.commit(); }),
                HasSubstr("cannot be put in place"));
  }
  EXPECT_EQ(read_text_file(place.file("out/f")), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(place.path()), fs::directory_iterator()), 1);
}

TEST(OutputFolder, ALinkStaysAndItsFolderIsFilled) {
  const TemporaryFolder place;
  fs::create_directories(place.file("disk/real"));
  fs::create_directory_symlink(place.file("disk/real"), place.file("out"));
  OutputFolder folder(place.file("out"), false);
  EXPECT_THAT(folder.temporary(), HasSubstr("/disk/"));
  write_text_file(folder.file("f"), "1");
  folder.commit();
  EXPECT_TRUE(fs::is_symlink(place.file("out")));
  EXPECT_EQ(read_text_file(place.file("disk/real/f")), "1");
  fs::create_directory_symlink(place.file("nowhere"), place.file("dangling"));
  EXPECT_THAT(error_of(ErrorCode::Usage, [&] { OutputFolder(place.file("dangling"), true); }),
              HasSubstr("link to nowhere"));
}

}  // namespace
}  // namespace mpq
