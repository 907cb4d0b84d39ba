// What goes into a checkpoint beside its weights, chosen by rule.
#include <gmock/gmock.h>

#include <filesystem>

#include "mpq/format/checkpoint_writer.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

class SideFiles : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& content = "{}") const {
    fs::create_directories(fs::path(source_.file(name)).parent_path());
    write_text_file(source_.file(name), content);
  }
  /// Copies; the names in the output.
  std::set<std::string> copied() {
    ExportJob job;
    job.source_folder = source_.path();
    job.plan = Json::object();
    OutputFolder folder(place_.file("out"), true);
    copy_side_files(job, folder);
    folder.commit();
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(place_.file("out")))
      if (entry.is_regular_file())
        names.insert(fs::relative(entry.path(), place_.file("out")).string());
    return names;
  }
  std::string output(const std::string& name) const {
    return read_text_file(place_.file("out/" + name));
  }
  TemporaryFolder source_, place_;
};

TEST_F(SideFiles, AreAllSmallFilesThatAreNotAboutTheWeights) {
  for (const char* name :
       {"config.json", "tokenizer.json", "chat_template.json", "chat_template.jinja",
        "additional_chat_templates/tool_use.jinja", "preprocessor_config.json", "merges.txt",
        "tokenizer.model", "modeling_tiny.py", "LICENSE", "model.safetensors.index.json",
        "pytorch_model.bin.index.json", "model.safetensors", "training_args.bin", "mpq.json",
        "quantize_config.json", ".hidden.json", "work/manifest.json", "data.jsonl"})
    write(name);
  write("my-plan.json", "{\n  \"schema\": \"mpq-plan/1\"\n}\n");
  fs::create_symlink("../nowhere", source_.file("dangling.json"));
  fs::rename(source_.file("merges.txt"), place_.file("blob"));  // as in the hub's cache
  fs::create_symlink(place_.file("blob"), source_.file("merges.txt"));
  EXPECT_THAT(copied(),
              testing::ElementsAre("LICENSE", "additional_chat_templates/tool_use.jinja",
                                   "chat_template.jinja", "chat_template.json", "merges.txt",
                                   "modeling_tiny.py", "plan.json", "preprocessor_config.json",
                                   "tokenizer.json", "tokenizer.model"));
  EXPECT_FALSE(fs::is_symlink(place_.file("out/merges.txt")));
}

TEST_F(SideFiles, CodeThatIsNotThereIsNotPointedAt) {
  write("config.json", R"({"auto_map": {"AutoConfig": "configuration_tiny.Config",
                          "AutoModel": "modeling_gone.Model", "Hub": "org/name--code.Class",
                          "Odd": "../secret.Class"}})");
  write("configuration_tiny.py", "");
  write("tokenizer_config.json",
        R"({"a": 1, "auto_map": {"AutoTokenizer": [null, "tokenization_gone.Tokenizer"]}})");
  const Json config = source_config(source_.path(), at::kFloat);
  EXPECT_EQ(config.at("auto_map"),
            Json({{"AutoConfig", "configuration_tiny.Config"}, {"Hub", "org/name--code.Class"}}));
  copied();
  EXPECT_EQ(Json::parse(output("tokenizer_config.json")), Json({{"a", 1}}));
  write("tokenization_gone.py", "");
  copied();
  EXPECT_EQ(output("tokenizer_config.json"),
            read_text_file(source_.file("tokenizer_config.json")));  // to the byte
}

TEST_F(SideFiles, OlderReadersFindTheirKeys) {
  write("config.json", R"({"dtype": "float16", "rope_parameters": {"rope_theta": 5000.0,
                          "rope_type": "default", "partial_rotary_factor": 0.5}})");
  Json config = source_config(source_.path(), at::kBFloat16);
  EXPECT_EQ(config.at("dtype"), "bfloat16");
  EXPECT_EQ(config.at("torch_dtype"), "bfloat16");
  EXPECT_EQ(config.at("rope_theta"), 5000.0);
  EXPECT_EQ(config.at("partial_rotary_factor"), 0.5);
  EXPECT_FALSE(config.contains("rope_scaling"));
  EXPECT_TRUE(config.at("rope_parameters").contains("rope_theta"));
  write("config.json", R"({"rope_theta": 1.0, "rope_parameters": {"rope_theta": 2.0,
                          "rope_type": "linear", "factor": 4.0}})");
  config = source_config(source_.path(), at::kFloat);
  EXPECT_EQ(config.at("rope_theta"), 1.0);  // as the source has it
  EXPECT_EQ(config.at("rope_scaling"), config.at("rope_parameters"));
  EXPECT_FALSE(config.contains("dtype"));
}

TEST_F(SideFiles, APointerIsLeftOut) {
  write("tokenizer.json");
  fs::create_directories(source_.path());
  write("tokenizer.model", "version https://git-lfs.github.com/spec/v1\noid sha256:4b\nsize 5\n");
  EXPECT_THAT(copied(), testing::ElementsAre("plan.json", "tokenizer.json"));
}

}  // namespace
}  // namespace mpq
