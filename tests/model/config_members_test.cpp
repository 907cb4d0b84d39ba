// Members of config.json that no architecture asks for, and the families nearest to an unknown one.
#include "mpq/model/config_members.h"

#include <gmock/gmock.h>

#include "mpq/core/log.h"
#include "mpq/model/architecture.h"
#include "tests/support/error_of.h"

namespace mpq {
namespace {

using testing::HasSubstr;

class ConfigMembers : public testing::Test {
 protected:
  std::string refused() const {
    return error_of(ErrorCode::Unsupported,
                    [&] { configure_whole(config_["model_type"], config_, "config.json"); });
  }

  Json config_ = {
      {"model_type", "llama"},      {"num_hidden_layers", 2}, {"hidden_size", 32},
      {"intermediate_size", 48},    {"vocab_size", 64},       {"num_attention_heads", 4},
      {"architectures", {"A"}},     {"torch_dtype", "float"}, {"bos_token_id", 1},
      {"attention_dropout", 0.1},   {"unsloth_fixed", true},  {"use_cache", true},
      {"transformers_version", "5"}};
};

TEST_F(ConfigMembers, WhatChangesNothingIsPassedOver) {
  EXPECT_EQ(configure_whole("llama", config_, "config.json").layers, 2);
  for (const Json& off : {Json(), Json(false), Json(0), Json(""), Json::array(), Json::object()}) {
    config_["clip_qkv"] = off;
    EXPECT_NO_THROW(configure_whole("llama", config_, "config.json")) << off;
  }
}

/// SmolLM2 and others have members that no library reads.
TEST_F(ConfigMembers, WhatSoundsLikeNoFeatureIsSaid) {
  config_["is_llama_config"] = true;
  config_["transformers.js_config"] = {{"dtype", "q4"}};
  config_["made_on"] = "a Monday";
  std::vector<std::string> said;
  set_log_sinks({.message = [&](LogLevel, const std::string& text) { said.push_back(text); },
                 .progress = {}});
  EXPECT_NO_THROW(configure_whole("llama", config_, "config.json"));
  set_log_sinks({});
  ASSERT_EQ(said.size(), 1U);
  EXPECT_THAT(said.front(), HasSubstr("mpq does not know \"made_on\": \"a Monday\", and takes"));
}

TEST_F(ConfigMembers, AnUnknownFeatureIsRefusedByName) {
  config_["clip_qkv"] = 8.0;
  EXPECT_THAT(refused(),
              HasSubstr("config.json: mpq does not know what \"clip_qkv\": 8.0 changes"));
}

/// Transformers' Llama has neither: read as plain, the numbers would be another model's.
TEST_F(ConfigMembers, AnotherFamilysFeatureIsRefused) {
  config_["final_logit_softcapping"] = 30.0;
  EXPECT_THAT(refused(), HasSubstr("\"final_logit_softcapping\""));
  config_.erase("final_logit_softcapping");
  config_["scoring_func"] = "softmax";  // granted where it says what all routers here do
  EXPECT_THAT(refused(), HasSubstr("\"scoring_func\""));
}

TEST_F(ConfigMembers, RopeSettingsAreLookedThrough) {
  config_["rope_scaling"] = {{"rope_type", "linear"}, {"factor", 2.0}, {"bent", 3}};
  EXPECT_THAT(refused(), HasSubstr("\"rope_scaling.bent\": 3"));
  config_["rope_scaling"].erase("bent");
  EXPECT_NO_THROW(configure_whole("llama", config_, "config.json"));
}

TEST_F(ConfigMembers, ANestedLanguageModelIsLookedThrough) {
  Json nested = {{"model_type", "gemma3"}, {"mm_tokens_per_image", 4}, {"text_config", config_}};
  EXPECT_NO_THROW(configure_whole("gemma3", nested, "config.json"));
  nested["text_config"]["clip_qkv"] = 8;
  EXPECT_THAT(
      error_of(ErrorCode::Unsupported, [&] { configure_whole("gemma3", nested, "config.json"); }),
      HasSubstr("config.json: text_config: mpq does not know"));
}

TEST_F(ConfigMembers, AnUnknownFamilyNamesTheNearestAndWhatDiffers) {
  config_["model_type"] = "bellum";
  config_["alibi"] = true;
  EXPECT_THAT(refused(), HasSubstr("model_type \"bellum\" is not supported; the nearest is "
                                   "\"llama\", which does not know \"alibi\": true"));
  config_.erase("alibi");
  EXPECT_THAT(refused(), HasSubstr("from which nothing in config.json differs"));
  config_["model_type"] = "qwen3_vision";
  EXPECT_THAT(refused(), HasSubstr("the nearest is \"qwen3\""));
  config_["model_type"] = "bellum";
  config_["query_pre_attn_scalar"] = 16.0;
  EXPECT_THAT(refused(), HasSubstr("the nearest is \"gemma2\""));
}

TEST(JsonReads, OneWithinAnotherHandsOnWhatItSaw) {
  const Json object = {{"a", 1}, {"b", 2}};
  const JsonReads outer;
  {
    const JsonReads inner;
    EXPECT_EQ(json_get<int>(object, "a", ""), 1);
    EXPECT_TRUE(inner.has("a"));
    EXPECT_FALSE(outer.has("a"));
  }
  EXPECT_EQ(json_get_or<int>(object, "c", 5, ""), 5);
  EXPECT_TRUE(outer.has("a"));
  EXPECT_FALSE(outer.has("b"));
  EXPECT_TRUE(outer.has("c"));
}

}  // namespace
}  // namespace mpq
