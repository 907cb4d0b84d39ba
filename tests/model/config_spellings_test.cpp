// Settings of config.json that mean something else than a default, or nothing: refused, not passed
// over.
#include <gmock/gmock.h>

#include "mpq/model/architecture.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {
using testing::HasSubstr;

class ConfigSpellings : public testing::Test {
 protected:
  ModelConfig read(const Json& changes, const std::string& type = "llama") const {
    Json config = {{"model_type", type},       {"num_hidden_layers", 2}, {"hidden_size", 32},
                   {"intermediate_size", 48},  {"vocab_size", 64},       {"num_attention_heads", 4},
                   {"num_key_value_heads", 2}, {"head_dim", 8}};
    config.update(changes);
    write_json_file(place_.file("config.json"), config);
    return read_model_config(place_.path());
  }
  std::string error(ErrorCode code, const Json& changes, const std::string& type = "llama") const {
    return error_of(code, [&] { read(changes, type); });
  }
  TemporaryFolder place_;
};

TEST_F(ConfigSpellings, RopeSettingsThatCannotBeRead) {
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    for (const Json& value :
         {Json("linear"), Json(2.0), Json({"linear", 2.0}), Json(true),
          Json({{"rope_type", "linear"}}), Json({{"type", "dynamic"}, {"factor", nullptr}}),
          Json({{"rope_type", "yarn"}}), Json({{"factor", 2.0}}),
          Json({{"rope_type", "llama3"}, {"factor", 8.0}}),
          Json({{"rope_type", "linear"}, {"factor", "2"}}),
          Json({{"rope_type", "linear"}, {"factor", 0}}), Json({{"rope_type", 3}})}) {
      EXPECT_THAT(error(ErrorCode::Format, {{key, value}}), HasSubstr("config.json")) << value;
    }
  }
  EXPECT_THAT(error(ErrorCode::Unsupported, {{"rope_scaling", {{"type", "ntk"}, {"factor", 2}}}}),
              HasSubstr("\"ntk\""));
  EXPECT_THAT(error(ErrorCode::Unsupported,
                    {{"rope_parameters",
                      {{"full_attention", {{"rope_type", "linear"}, {"factor", 8.0}}},
                       {"sliding_attention", {{"rope_type", "default"}, {"rope_theta", 1e4}}}}}}),
              HasSubstr("full_attention"));
}

TEST_F(ConfigSpellings, RopeSettingsThatMeanNone) {
  for (const Json& value : {Json(), Json::object(), Json({{"rope_type", nullptr}}),
                            Json({{"rope_type", "default"}}), Json({{"factor", 1.0}})}) {
    EXPECT_EQ(read({{"rope_scaling", value}}).blocks.front().attention.rope.kind,
              RopeKind::Default);
  }
  EXPECT_EQ(read({{"rope_scaling", {{"type", "linear"}, {"factor", 2}}}})
                .blocks.front()
                .attention.rope.factor,
            2.0);
  const Json yarn = {{"type", "yarn"}, {"original_max_position_embeddings", 512}};
  EXPECT_EQ(read({{"rope_scaling", yarn}, {"max_position_embeddings", 2048}})
                .blocks.front()
                .attention.rope.factor,
            4.0);
}

TEST_F(ConfigSpellings, LayerTypesThatAreNotKnownInEveryArchitecture) {
  for (const char* type : {"llama", "mistral", "qwen2", "qwen3", "gemma2", "phi3"}) {
    for (const char* kind : {"chunked_attention", "linear_attention", "", "Full_Attention"}) {
      EXPECT_THAT(error(ErrorCode::Unsupported, {{"layer_types", {"full_attention", kind}}}, type),
                  HasSubstr("\"" + std::string(kind) + "\""))
          << type;
    }
    error(ErrorCode::Format, {{"layer_types", {"full_attention"}}}, type);
    error(ErrorCode::Format, {{"layer_types", "full_attention"}}, type);
    read({{"layer_types", {"full_attention", "sliding_attention"}}}, type);
  }
}

TEST_F(ConfigSpellings, SizesThatNoModelHas) {
  for (const Json& value : {Json(3.5), Json(1e30), Json(-1), Json(0), Json(true), Json("4"),
                            Json(int64_t{1} << 31), Json(int64_t{1} << 40)}) {
    for (const char* key : {"num_hidden_layers", "hidden_size", "intermediate_size", "vocab_size",
                            "num_attention_heads", "num_key_value_heads", "head_dim"})
      EXPECT_THAT(error(ErrorCode::Format, {{key, value}}), HasSubstr("config.json"))
          << key << " " << value;
  }
  error(ErrorCode::Format, {{"num_hidden_layers", (int64_t{1} << 31) - 1}});
  error(ErrorCode::Format, {{"max_position_embeddings", 0}});
  error(ErrorCode::Format, {{"rms_norm_eps", -1e-6}});
  error(ErrorCode::Format, {{"partial_rotary_factor", 2.0}});
  constexpr int64_t kWide = (int64_t{1} << 24) - 1;
  EXPECT_THAT(
      error(ErrorCode::Format,
            {{"num_hidden_layers", 9999}, {"hidden_size", kWide}, {"intermediate_size", kWide}}),
      HasSubstr("weights"));
  EXPECT_THAT(error(ErrorCode::Format, {{"sliding_window", -5}}, "mistral"),
              HasSubstr("sliding_window"));
}

}  // namespace
}  // namespace mpq
