// GPTQ's layout to the bit, its rules for mixed widths, and folders of others.
#include <gmock/gmock.h>

#include "tests/format/golden_layouts.h"

namespace mpq {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<Format> format(int version = 1) {
  return Registry<Format>::instance().make(version == 1 ? "gptq" : "gptq:version=2");
}

Json quantization_of(const std::string& folder) {
  return read_json_file(folder + "/config.json").at("quantization_config");
}

TEST(GptqFormat, StoresWhatAutoGptqStores) {
  const auto cases = golden_layouts("gptq.safetensors");
  EXPECT_EQ(cases.size(), 14U);
  for (const auto& golden : cases) {
    const int version = golden.name.starts_with("v1") ? 1 : 2;
    const Json config = expect_golden(*format(version), golden, 0);
    EXPECT_EQ(config.at("bits"), golden.weights.at("bits"));
    EXPECT_EQ(config.at("group_size"), golden.weights.at("group_size"));
    EXPECT_EQ(config.contains("meta"), version == 2);  // transformers refuses version 1 with it
    EXPECT_EQ(config.at("checkpoint_format"), version == 1 ? "gptq" : "gptq_v2");
  }
}

/// Widths 4, 4, 8 by rows and 16, the last two fused.
TinyCheckpoint& mixed(TinyCheckpoint& tiny) {
  for (const auto& encoding :
       {integers(4, 32, true), integers(4, 32, true), integers(8, 0, true), full_precision()})
    tiny.add(format()->fit(encoding, 32, 64, at::kBFloat16).encoding, 32, 64);
  tiny.job.linears[0].fusion = tiny.job.linears[1].fusion = "model.layers.0.both";
  tiny.job.linears[2].fusion = "model.layers.2.own";
  return tiny;
}

TEST(GptqFormat, NamesEveryModuleThatDiffersAndItsFusion) {
  const TemporaryFolder place;
  TinyCheckpoint tiny;
  mixed(tiny).write(*format(), place.file("out"));
  const Json config = quantization_of(place.file("out"));
  EXPECT_EQ(config.at("quant_method"), "gptq");
  EXPECT_EQ(config.at("bits"), 4);
  EXPECT_EQ(config.at("group_size"), 32);
  EXPECT_EQ(config.at("sym"), true);
  EXPECT_EQ(config.at("desc_act"), false);
  const Json eight = {{"bits", 8}, {"group_size", -1}, {"sym", true}};
  EXPECT_EQ(config.at("dynamic"), Json({{R"(+:^model\.layers\.2\.proj$)", eight},
                                        {R"(+:^model\.layers\.2\.own$)", eight},
                                        {R"(-:^model\.layers\.3\.proj$)", Json::object()}}));
  EXPECT_EQ(read_json_file(place.file("out/quantize_config.json")), config);
}

TEST(GptqFormat, RefusesTwoEncodingsInOneFusion) {
  const TemporaryFolder place;
  for (const char* name : {"gptq", "auto-round", "compressed-tensors"}) {
    TinyCheckpoint tiny;
    mixed(tiny);
    tiny.job.linears[2].fusion = "model.layers.0.both";
    const auto plugin = Registry<Format>::instance().make(name);
    EXPECT_THAT(error_of(ErrorCode::Unsupported, [&] { tiny.write(*plugin, place.file("out")); }),
                AllOf(HasSubstr("model.layers.0.proj"), HasSubstr("model.layers.2.proj"),
                      HasSubstr("--fuse yes")));
  }
  for (const char* name : {"dense", "mlx", "mpq"}) {
    TinyCheckpoint tiny;
    for (const int bits : {4, 8}) tiny.add(integers(bits, 32, true), 32, 64);
    for (auto& linear : tiny.job.linears) linear.fusion = "both";
    tiny.write(*Registry<Format>::instance().make(name), place.file(name));
  }
}

TEST(GptqFormat, FitsWhatItsReadersRead) {
  const auto fit = [](int version, const Encoding& encoding, int64_t out, int64_t in) {
    return format(version)->fit(encoding, out, in, at::kBFloat16);
  };
  EXPECT_EQ(fit(1, integers(3, 32, true), 32, 64).encoding, integers_in(3, 32, true, at::kHalf));
  EXPECT_EQ(fit(1, integers(3, 32, true), 32, 64).bytes,
            32 * 64 * 3 / 8 + 64 * 2 + 2 * 12 + 64 * 4);
  EXPECT_EQ(fit(2, integers(4, 0, false), 32, 64).encoding, integers_in(4, 0, false, at::kHalf));
  const auto refuses = [&](int version, const char* encoding, int64_t out, const char* what) {
    EXPECT_THAT(
        error_of(ErrorCode::Unsupported, [&] { fit(version, parse_encoding(encoding), out, 256); }),
        HasSubstr(what));
  };
  refuses(1, "int:bits=4", 32, "symmetric integers");
  refuses(2, "int:zero=real", 32, "integers");
  refuses(2, "q4_k", 32, "q4_k");
  refuses(1, "int:sym", 40, "multiples of 32");
  error_of(ErrorCode::Usage, [] { Registry<Format>::instance().make("gptq:version=3"); });
}

/// A folder as others write it, changed before it is opened.
class GptqFolder : public ::testing::Test {
 protected:
  GptqFolder() {
    tiny_.add(integers_in(4, 32, true, at::kHalf), 32, 64);
    tiny_.write(*format(), place_.file("out"));
    const SafetensorsFile file(place_.file("out/model.safetensors"));
    for (const auto& [name, entry] : file.tensors()) tensors_[name] = file.tensor(name).clone();
    config_ = read_json_file(place_.file("out/config.json"));
  }
  at::Tensor weight() {
    save_tensors(place_.file("out/model.safetensors"), tensors_);
    write_json_file(place_.file("out/config.json"), config_);
    return open_checkpoint(place_.file("out"))->load("model.layers.0.proj.weight");
  }
  at::Tensor expected() const { return dequantize(tiny_.linears.begin()->second); }
  at::Tensor& tensor(const char* suffix) {
    return tensors_.at("model.layers.0.proj." + std::string(suffix));
  }
  Json& quantization() { return config_["quantization_config"]; }
  std::string refuses(ErrorCode code) {
    return error_of(code, [&] { weight(); });
  }

  TemporaryFolder place_;
  TinyCheckpoint tiny_;
  std::map<std::string, at::Tensor> tensors_;
  Json config_;
};

TEST_F(GptqFolder, OldKeysAndRulesAreRead) {
  EXPECT_TRUE(weight().equal(expected()));
  quantization().erase("checkpoint_format");
  quantization()["format"] = "gptq";
  EXPECT_TRUE(weight().equal(expected()));
  quantization()["bits"] = 8;
  quantization()["dynamic"] = {{"-:.*down", Json::object()}, {R"(.*\.0\..*)", {{"bits", 4}}}};
  EXPECT_TRUE(weight().equal(expected()));
  tensors_.erase("model.layers.0.proj.g_idx");
  EXPECT_TRUE(weight().equal(expected()));
  const Json own = quantization();
  config_["quantization"] = own;  // as MLX calls it
  config_.erase("quantization_config");
  EXPECT_TRUE(weight().equal(expected()));
}

/// desc_act: the group of an input is the one that is named.
TEST_F(GptqFolder, PermutedInputsFindTheirGroups) {
  const at::Tensor shuffled = at::randperm(64, at::kLong);
  const at::Tensor groups = tensor("g_idx").index_select(0, shuffled);
  tensor("g_idx") = groups;
  const QuantizedLinear& linear = tiny_.linears.begin()->second;
  const at::Tensor scale = linear.grid.scale.to(at::kFloat).index_select(1, groups.to(at::kLong));
  const at::Tensor by_hand = (linear.codes.to(at::kFloat) - 8) * scale;
  EXPECT_TRUE(weight().equal(by_hand));
  tensor("g_idx") = groups + 1;
  EXPECT_THAT(refuses(ErrorCode::Format), HasSubstr("g_idx"));
}

TEST_F(GptqFolder, AmbiguousZeroPointsAreUnsupported) {
  tensor("qzeros").fill_(-1);
  EXPECT_THAT(refuses(ErrorCode::Unsupported), HasSubstr("qzeros"));
}

TEST_F(GptqFolder, OtherVersionsAreUnsupported) {
  quantization()["checkpoint_format"] = "marlin";
  EXPECT_THAT(refuses(ErrorCode::Unsupported), HasSubstr("marlin"));
}

TEST_F(GptqFolder, DamageIsAFormatError) {
  const auto good = tensors_;
  const auto refuses_tensor = [&](const char* suffix, const at::Tensor& value) {
    tensors_ = good;
    tensor(suffix) = value;
    EXPECT_THAT(refuses(ErrorCode::Format), HasSubstr("model.layers.0.proj")) << suffix;
  };
  refuses_tensor("qzeros", at::zeros({2, 3}, at::kInt));
  refuses_tensor("scales", at::zeros({2, 32}, at::kInt));
  refuses_tensor("scales", at::zeros({3, 32}));
  refuses_tensor("scales", at::full({2, 32}, std::numeric_limits<float>::infinity()));
  refuses_tensor("qweight", at::zeros({8}, at::kInt));
  refuses_tensor("g_idx", at::zeros({64}));
  tensors_ = good;
  tensors_.erase("model.layers.0.proj.scales");
  EXPECT_THAT(refuses(ErrorCode::Format), HasSubstr("scales"));
  tensors_ = good;
  quantization()["dynamic"] = Json::array({".*proj"});
  EXPECT_THAT(refuses(ErrorCode::Format), HasSubstr("\"dynamic\" is array"));
  quantization().erase("dynamic");
  quantization()["group_size"] = 48;
  refuses(ErrorCode::Format);
  quantization() = {{"quant_method", "gptq"}};
  refuses(ErrorCode::Format);
}

}  // namespace
}  // namespace mpq
