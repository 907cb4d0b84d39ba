// Folders with one file, with shards, and with faults in their index.
#include "mpq/io/weight_source.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/core/json_file.h"
#include "mpq/io/memory_budget.h"
#include "mpq/io/output_folder.h"
#include "mpq/io/safetensors.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

class Folder : public testing::Test {
 protected:
  Folder() {
    std::string name = (fs::temp_directory_path() / "mpq-io-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~Folder() override { fs::remove_all(folder_); }

  void write_shards(const Json& weight_map) const {
    save_tensors(folder_ + "/a.safetensors", {{"x", at::ones({2})}});
    save_tensors(folder_ + "/b.safetensors", {{"y", at::ones({3})}});
    write_json_file(folder_ + "/model.safetensors.index.json", {{"weight_map", weight_map}});
  }

  void expect_error(ErrorCode code, const std::string& part) const {
    try {
      open_safetensors_folder(folder_);
      ADD_FAILURE() << "accepted; expected: " << part;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code);
      EXPECT_THAT(error.what(), testing::HasSubstr(part));
    }
  }

  std::string folder_;
};

TEST_F(Folder, ShardsAreOneSource) {
  write_shards({{"x", "a.safetensors"}, {"y", "b.safetensors"}});
  const auto source = open_safetensors_folder(folder_);
  EXPECT_THAT(source->names(), testing::ElementsAre("x", "y"));
  EXPECT_EQ(source->load("y").sum().item<int>(), 3);
  EXPECT_THROW(source->load("z"), Error);
}

TEST_F(Folder, IndexAndShardsMustAgree) {
  write_shards({{"x", "a.safetensors"}, {"y", "a.safetensors"}});
  expect_error(ErrorCode::Format, "there is no tensor y");
  write_shards({{"x", "a.safetensors"}, {"y", "b.safetensors"}, {"z", "b.safetensors"}});
  expect_error(ErrorCode::Format, "there is no tensor z");
  write_shards({{"x", "b.safetensors"}, {"y", "a.safetensors"}});
  expect_error(ErrorCode::Format, "lists x in");
  write_shards({{"x", "../a.safetensors"}, {"y", "b.safetensors"}});
  expect_error(ErrorCode::Format, "not a file name");
  write_shards({{"x", "a.safetensors"}, {"y", "c.safetensors"}});
  expect_error(ErrorCode::Io, "c.safetensors");
  save_tensors(folder_ + "/b.safetensors", {{"y", at::ones({3})}, {"extra", at::ones({1})}});
  write_json_file(folder_ + "/model.safetensors.index.json",
                  {{"weight_map", {{"x", "a.safetensors"}, {"y", "b.safetensors"}}}});
  expect_error(ErrorCode::Format, "does not list tensor extra");
}

TEST_F(Folder, EmptyAndPickledFolders) {
  expect_error(ErrorCode::Io, "neither model.safetensors nor");
  write_text_file(folder_ + "/pytorch_model.bin", "");
  expect_error(ErrorCode::Unsupported, "pickled");
}

TEST_F(Folder, AnOutputFolderIsWholeOrAbsent) {
  const std::string target = folder_ + "/deep/out";
  {
    const OutputFolder output(target, false);
    write_text_file(output.file("f"), "1");
  }
  EXPECT_TRUE(fs::is_empty(folder_ + "/deep"));
  {
    OutputFolder output(target, false);
    write_text_file(output.file("f"), "1");
    output.commit();
  }
  EXPECT_EQ(read_text_file(target + "/f"), "1");
  EXPECT_THROW(OutputFolder(target, false), Error);
  OutputFolder again(target, true);
  write_text_file(again.file("g"), "2");
  EXPECT_TRUE(fs::exists(target + "/f"));
  again.commit();
  EXPECT_FALSE(fs::exists(target + "/f"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ + "/deep"), fs::directory_iterator()), 1);
}

TEST_F(Folder, MemoryPastTheBudgetGoesToScratchAndComesBack) {
  MemoryBudget memory(1000, folder_);
  {
    const auto first = memory.allocate(10, 10, at::kFloat);  // 400 bytes
    auto second = memory.allocate(20, 10, at::kFloat);       // 800 more do not fit
    EXPECT_EQ(memory.in_memory_bytes(), 400);
    EXPECT_EQ(memory.scratch_bytes(), 800);
    second.fill_(3);
    EXPECT_EQ(second.sum().item<float>(), 600);
  }
  EXPECT_EQ(memory.in_memory_bytes(), 0);
  EXPECT_EQ(memory.scratch_bytes(), 0);
  EXPECT_TRUE(fs::is_empty(folder_));
  EXPECT_THROW(memory.allocate(int64_t{1} << 40, 1 << 10, at::kFloat), Error);
}

}  // namespace
}  // namespace mpq
