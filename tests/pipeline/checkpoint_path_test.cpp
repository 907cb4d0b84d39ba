// A GGUF file where a command takes a checkpoint.
#include "mpq/pipeline/checkpoint_path.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>

#include "mpq/format/format.h"
#include "mpq/pipeline/inspect.h"
#include "mpq/pipeline/session.h"
#include "tests/format/gguf_file.h"
#include "tests/support/error_of.h"
#include "tests/support/source_path.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

const std::string kSource = source_path("data/nano-llama");

class CheckpointPath : public testing::Test {
 protected:
  CheckpointPath() { ::setenv("XDG_CACHE_HOME", place_.file("cache").c_str(), 1); }
  ~CheckpointPath() override { ::unsetenv("XDG_CACHE_HOME"); }

  /// nano-llama in F32, alone.
  std::string made_by_others() {
    const auto weights = open_safetensors_folder(kSource);
    write_gguf(place_.file("nano.gguf"), NanoGguf().model, weights.get());
    return place_.file("nano.gguf");
  }
  /// The folder that the gguf format writes.
  std::string made_by_mpq() {
    const auto weights = open_safetensors_folder(kSource);
    ExportJob job;
    job.source_folder = kSource;
    job.base = weights.get();
    job.plan = {{"schema", "mpq-plan/1"}, {"units", Json::array()}};
    OutputFolder output(place_.file("out"), false);
    Registry<Format>::instance().make("gguf")->write(job, output);
    output.commit();
    return place_.file("out");
  }

  TemporaryFolder place_;
};

TEST_F(CheckpointPath, AFolderIsItself) {
  EXPECT_EQ(checkpoint_folder(kSource), kSource);
  EXPECT_EQ(checkpoint_folder("/nowhere/model.gguf"), "/nowhere/model.gguf");
  EXPECT_FALSE(fs::exists(place_.file("cache")));
}

TEST_F(CheckpointPath, AFileOfMpqIsOfItsFolder) {
  const std::string folder = made_by_mpq();
  EXPECT_EQ(checkpoint_folder(folder + "/model.gguf"), folder);
  EXPECT_EQ(weight_files(folder), std::vector<std::string>{"model.gguf"});
  EXPECT_EQ(weight_file_bytes(folder), static_cast<int64_t>(fs::file_size(folder + "/model.gguf")));
}

TEST_F(CheckpointPath, AFileOfOthersHasAFolderInTheCache) {
  const std::string file = made_by_others(), folder = checkpoint_folder(file);
  EXPECT_TRUE(folder.starts_with(place_.file("cache") + "/mpq/gguf/nano-")) << folder;
  EXPECT_EQ(weight_file_bytes(folder), static_cast<int64_t>(fs::file_size(file)));
  const auto model = open_model(file, {});
  EXPECT_EQ(model->folder(), folder);
  EXPECT_EQ(inspect(file).at("model_type"), "llama");
  const Json checked = check(file, "");
  EXPECT_EQ(checked.at("checkpoint"), file);
  EXPECT_EQ(checked.at("faults"), Json::array());
  EXPECT_EQ(checked.at("tensors"), open_safetensors_folder(kSource)->names().size());
}

TEST_F(CheckpointPath, TheHashIsOfTheContents) {
  const std::string file = made_by_others();
  WorkFolder work(place_.file("work"), WorkFolder::Access::Work, "test", true);
  const std::string hash = checkpoint_hash(checkpoint_folder(file), work);
  fs::copy_file(file, place_.file("copy.gguf"));
  EXPECT_EQ(checkpoint_hash(checkpoint_folder(place_.file("copy.gguf")), work), hash);
  NanoGguf other;
  other.set("llama.rope.freq_base", 20000.0F);
  write_gguf(place_.file("other.gguf"), other.model, open_safetensors_folder(kSource).get());
  EXPECT_NE(checkpoint_hash(checkpoint_folder(place_.file("other.gguf")), work), hash);
}

TEST_F(CheckpointPath, FilesBesideTheWeightsAreNoneOfThem) {
  const std::string folder = place_.file("model");
  fs::create_directories(folder);
  for (const char* name : {"config.json", "model.safetensors"})
    fs::copy_file(kSource + "/" + name, folder + "/" + name);
  for (const char* name : {"consolidated.safetensors", "adapter_model.safetensors"})
    fs::copy_file(kSource + "/model.safetensors", folder + "/" + name);
  const auto bytes = static_cast<int64_t>(fs::file_size(kSource + "/model.safetensors"));
  EXPECT_EQ(weight_files(folder), std::vector<std::string>{"model.safetensors"});
  EXPECT_EQ(weight_file_bytes(folder), bytes);
  const std::string shard = "model-00001-of-00001.safetensors";
  fs::rename(folder + "/model.safetensors", folder + "/" + shard);
  Json index;
  for (const auto& tensor : open_safetensors_folder(kSource)->names())
    index["weight_map"][tensor] = shard;
  write_json_file(folder + "/model.safetensors.index.json", index);
  EXPECT_EQ(weight_files(folder), std::vector<std::string>{shard});
  EXPECT_EQ(weight_file_bytes(folder), bytes);
  EXPECT_EQ(open_model(folder, {})->weights().names(), open_safetensors_folder(kSource)->names());
}

TEST_F(CheckpointPath, WhatIsNotComputedIsInspectedAllTheSame) {
  NanoGguf other;
  other.set("general.architecture", std::string("mamba"));
  other.write(place_.file("mamba.gguf"));
  EXPECT_THAT(inspect(place_.file("mamba.gguf")).at("unsupported").get<std::string>(),
              testing::HasSubstr("mamba"));
  error_of(ErrorCode::Unsupported, [&] { open_model(place_.file("mamba.gguf"), {}); });
}

}  // namespace
}  // namespace mpq
