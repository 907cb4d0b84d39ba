// Experts in a GGUF file: one tensor of three dimensions for each kind of matrix.
#include <gmock/gmock.h>

#include "mpq/io/gguf.h"
#include "mpq/model/architecture.h"
#include "mpq/quant/grid.h"
#include "tests/format/checkpoints.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {

const std::string kNanoMoe = source_path("data/nano-moe");

/// Its linears, each kind in a type of its own.
struct MoeJob {
  MoeJob() {
    static const std::map<Role, std::string> kTypes = {
        {Role::Query, "q5_0"},  {Role::Output, "16"}, {Role::Gate, "q4_0"}, {Role::Up, "q8_0"},
        {Role::Down, "iq4_nl"}, {Role::Key, "q4_1"},  {Role::Value, "q5_1"}};
    job.source_folder = kNanoMoe;
    job.base = base.get();
    job.plan = {{"schema", "mpq-plan/1"}, {"units", Json::array()}};
    job.load = [this](const std::string& module) {
      for (const auto& linear : job.linears) {
        if (linear.module != module) continue;
        const at::Tensor weight = base->load(module + ".weight").to(at::kFloat);
        return round_to_nearest(weight, {linear.encoding}, module);
      }
      throw std::logic_error(module);
    };
    for (int64_t block = 0; block < config.layers; ++block) {
      for (const auto& linear : config.block(block).linears)
        job.linears.push_back({config.module_name(block, linear), linear.out, linear.in,
                               parse_encoding(kTypes.at(linear.role))});
    }
  }

  int64_t write(const std::string& folder) const {
    OutputFolder output(folder, false);
    const int64_t bytes = format->write(job, output);
    output.commit();
    return bytes;
  }

  const ModelConfig config = read_model_config(kNanoMoe);
  const std::unique_ptr<WeightSource> base = open_safetensors_folder(kNanoMoe);
  const std::unique_ptr<Format> format = Registry<Format>::instance().make("gguf");
  ExportJob job;
};

TEST(GgufExperts, AreReadBackOneByOne) {
  const MoeJob moe;
  TemporaryFolder place;
  const std::string out = place.file("out");
  EXPECT_EQ(moe.write(out), moe.format->file_bytes(moe.job));
  const auto found = open_checkpoint(out);
  EXPECT_EQ(found->names(), moe.base->names());
  for (const auto& linear : moe.job.linears) {
    const std::string name = linear.module + ".weight";
    const at::Tensor expected = linear.encoding.plain() ? moe.base->load(name).to(at::kFloat)
                                                        : dequantize(moe.job.load(linear.module));
    EXPECT_TRUE(found->load(name).to(at::kFloat).equal(expected)) << name;
    EXPECT_EQ(found->shape(name), moe.base->shape(name)) << name;
  }
}

TEST(GgufExperts, LieInOneTensorBesideTheRoutersF32) {
  const MoeJob moe;
  TemporaryFolder place;
  moe.write(place.file("out"));
  const GgufFile file(place.file("out/model.gguf"));
  const RouterConfig& router = moe.config.block(0).router;
  for (const auto& [name, type] : {std::pair{"gate", "Q4_0"}, {"up", "Q8_0"}, {"down", "IQ4_NL"}}) {
    const GgufTensorInfo* info = file.find(fmt::format("blk.5.ffn_{}_exps.weight", name));
    ASSERT_NE(info, nullptr) << name;
    EXPECT_EQ(info->type.name, type);
    EXPECT_EQ(info->shape().front(), router.experts);
  }
  EXPECT_EQ(file.find("blk.5.ffn_gate_inp.weight")->type.name, "F32");
}

TEST(GgufExperts, OfSeveralTypesAreRefused) {
  MoeJob moe;
  TemporaryFolder place;
  for (const char* other : {"q4_1", "16"}) {
    for (auto& linear : moe.job.linears) {
      if (linear.module == "model.layers.2.mlp.experts.3.up_proj")
        linear.encoding = parse_encoding(other);
    }
    EXPECT_THAT(error_of(ErrorCode::Unsupported, [&] { moe.format->file_bytes(moe.job); }),
                testing::AllOf(testing::HasSubstr("blk.2.ffn_up_exps"), testing::HasSubstr("8")));
  }
}

}  // namespace
}  // namespace mpq
