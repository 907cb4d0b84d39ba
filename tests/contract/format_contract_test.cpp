// What every registered format has to hold: exact sizes, a complete folder, weights that read
// back.
#include <gmock/gmock.h>

#include "mpq/core/hash.h"
#include "tests/format/checkpoints.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;

class FormatContract : public ::testing::TestWithParam<std::string> {
 protected:
  /// 4 bits in groups of 32, as the format fits them.
  void add(TinyCheckpoint& tiny, int64_t out, int64_t in) const {
    tiny.add(format_->fit(integers(4, 32, true), out, in, tiny.job.stored_dtype).encoding, out, in);
  }
  std::unique_ptr<Format> format_ = Registry<Format>::instance().make(GetParam());
  TemporaryFolder place_;
  std::string out_ = place_.file("checkpoint");
};

int64_t weight_file_bytes(const std::string& folder) {
  int64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto extension = entry.path().extension();
    if (extension == ".safetensors") bytes += static_cast<int64_t>(entry.file_size());
  }
  return bytes;
}

TEST_P(FormatContract, PredictsTheBytesOfEveryLinearAndOfTheFiles) {
  for (const auto dtype : {at::kBFloat16, at::kHalf, at::kFloat}) {
    TinyCheckpoint tiny(dtype);
    tiny.add_all_of(*format_);
    const std::string out = place_.file(at::toString(dtype));
    const int64_t predicted = format_->file_bytes(tiny.job);
    EXPECT_EQ(tiny.write(*format_, out), predicted);
    EXPECT_EQ(weight_file_bytes(out), predicted);
    const SafetensorsFile file(out + "/model.safetensors");
    for (const auto& linear : tiny.job.linears) {
      uint64_t found = 0;
      for (const auto& [name, entry] : file.tensors()) {
        const bool own = name.starts_with(linear.module + ".") && !name.ends_with(".bias");
        found += own ? entry.end - entry.begin : 0;
      }
      const Fit fit = format_->fit(linear.encoding, linear.out, linear.in, dtype);
      EXPECT_EQ(fit.encoding, linear.encoding) << to_string(linear.encoding);
      EXPECT_EQ(fit.bytes, static_cast<int64_t>(found)) << to_string(linear.encoding);
    }
  }
}

TEST_P(FormatContract, ReadsBackWhatWasQuantizedAndAllTheRest) {
  for (const auto dtype : {at::kBFloat16, at::kHalf, at::kFloat}) {
    TinyCheckpoint tiny(dtype);
    tiny.add_all_of(*format_);
    const std::string out = place_.file(at::toString(dtype));
    tiny.write(*format_, out);
    const auto found = open_checkpoint(out);
    EXPECT_EQ(found->names(), tiny.base.names());
    for (const auto& [name, tensor] : tiny.base.tensors) {
      const std::string module = name.substr(0, name.rfind('.'));
      const bool weight = name.ends_with(".weight") && tiny.linears.count(module) != 0;
      const at::Tensor expected = weight ? dequantize(tiny.linears.at(module)) : tensor;
      EXPECT_EQ(found->shape(name), expected.sizes().vec()) << name;
      const auto kept = weight ? dtype : tensor.scalar_type();
      EXPECT_TRUE(found->load(name).to(kept).equal(expected.to(kept))) << name;
      if (weight) continue;
      EXPECT_EQ(found->dtype(name), tensor.scalar_type()) << name;
    }
  }
}

TEST_P(FormatContract, WritesTheSmallFilesOfACheckpoint) {
  TinyCheckpoint tiny;
  add(tiny, 32, 64);
  tiny.write(*format_, out_);
  for (const auto* name : {"tokenizer.json", "merges.txt", "generation_config.json"}) {
    EXPECT_EQ(read_text_file(out_ + "/" + name), read_text_file(tiny.source.file(name)));
  }
  EXPECT_EQ(read_json_file(out_ + "/plan.json"), tiny.job.plan);
  const Json config = read_json_file(out_ + "/config.json");
  EXPECT_EQ(config.at("model_type"), "llama");
  EXPECT_EQ(config.at("torch_dtype"), "bfloat16");
  EXPECT_FALSE(fs::exists(out_ + "/training_args.bin"));
  EXPECT_FALSE(fs::exists(out_ + "/vocab.json"));
}

TEST_P(FormatContract, ShardsWithAnIndexAndTheSameWeights) {
  TinyCheckpoint tiny;
  tiny.add_all_of(*format_);
  tiny.write(*format_, out_);
  tiny.job.shard_bytes = 30000;
  const std::string sharded = place_.file("sharded");
  const int64_t predicted = format_->file_bytes(tiny.job);
  EXPECT_EQ(tiny.write(*format_, sharded), predicted);
  EXPECT_EQ(weight_file_bytes(sharded), predicted);
  EXPECT_FALSE(fs::exists(sharded + "/model.safetensors"));
  const Json index = read_json_file(sharded + "/model.safetensors.index.json");
  std::set<std::string> files;
  for (const auto& [tensor, file] : index.at("weight_map").items()) files.insert(file);
  ASSERT_GT(files.size(), 2U);
  int64_t total = 0;
  size_t number = 0;
  for (const auto& name : files) {
    EXPECT_EQ(name, fmt::format("model-{:05}-of-{:05}.safetensors", ++number, files.size()));
    EXPECT_LE(fs::file_size(fs::path(sharded) / name), 30000U);
    const SafetensorsFile file(sharded + "/" + name);
    EXPECT_EQ(file.metadata().at("format"), "pt");
    for (const auto& [tensor, entry] : file.tensors()) {
      EXPECT_EQ(entry.begin % c10::elementSize(entry.dtype), 0U) << tensor;
      total += static_cast<int64_t>(entry.end - entry.begin);
    }
  }
  EXPECT_EQ(index.at("metadata").at("total_size"), total);
  const auto whole = open_checkpoint(out_), parts = open_checkpoint(sharded);
  ASSERT_EQ(whole->names(), parts->names());
  for (const auto& name : whole->names()) {
    EXPECT_TRUE(whole->load(name).equal(parts->load(name))) << name;
  }
}

TEST_P(FormatContract, IsDeterministic) {
  TinyCheckpoint tiny;
  tiny.add_all_of(*format_);
  tiny.write(*format_, out_);
  tiny.write(*format_, place_.file("again"));
  for (const auto& entry : fs::directory_iterator(out_)) {
    const auto name = entry.path().filename().string();
    EXPECT_EQ(sha256_of_file(entry.path()), sha256_of_file(place_.file("again/" + name))) << name;
  }
}

TEST_P(FormatContract, AFullDiskLeavesNothingBehind) {
  TinyCheckpoint tiny;
  add(tiny, 64, 512);
  std::string message;
  {
    const FullDisk disk(4096);
    message = error_of(ErrorCode::Io, [&] { tiny.write(*format_, out_); });
  }
  EXPECT_THAT(message, ::testing::HasSubstr("model.safetensors"));
  EXPECT_THAT(place_.entries(), ::testing::IsEmpty());
}

TEST_P(FormatContract, RefusesALinearThatIsNotThePlannedOne) {
  TinyCheckpoint tiny;
  add(tiny, 32, 64);
  tiny.linears.begin()->second = random_linear(integers_in(3, 64, true, at::kBFloat16), 32, 64);
  EXPECT_THAT(error_of(ErrorCode::Internal, [&] { tiny.write(*format_, out_); }),
              ::testing::HasSubstr("model.layers.0.proj"));
  tiny.job.linears[0].in = 32;
  EXPECT_THAT(error_of(ErrorCode::Format, [&] { format_->file_bytes(tiny.job); }),
              ::testing::HasSubstr("model.layers.0.proj"));
}

TEST_P(FormatContract, RejectsUnknownOptionsAndRoundTripsItsSpec) {
  auto& registry = Registry<Format>::instance();
  error_of(ErrorCode::Usage, [&] { registry.make(GetParam() + ":no_such_option=1"); });
  EXPECT_EQ(registry.canonical(Spec{GetParam(), {}}), (Spec{GetParam(), {}}));
  EXPECT_FALSE(registry.at(GetParam()).summary.empty());
}

/// All but gguf, which holds whole models alone: tests/format/gguf_test.cpp asks the same of it on
/// one.
std::vector<std::string> folder_formats() {
  std::vector<std::string> names = Registry<Format>::instance().names();
  std::erase(names, "gguf");
  return names;
}

INSTANTIATE_TEST_SUITE_P(Every, FormatContract, ::testing::ValuesIn(folder_formats()),
                         [](const auto& plugin) {
                           std::string name = plugin.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(FormatRegistry, NamesAreTheFileStemsAndHaveTests) {
  const fs::path root(MPQ_SOURCE_DIR);
  std::vector<std::string> stems;
  for (const auto& entry : fs::directory_iterator(root / "src/format/formats")) {
    stems.push_back(entry.path().stem().string());
    EXPECT_TRUE(fs::exists(root / "tests/format" / (stems.back() + "_test.cpp"))) << stems.back();
  }
  EXPECT_THAT(Registry<Format>::instance().names(), ::testing::UnorderedElementsAreArray(stems));
}

}  // namespace
}  // namespace mpq
