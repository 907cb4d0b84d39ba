// Configurations with members that are missing, senseless or of another kind: an error that says
// where, never a crash, in every family.
#include <gmock/gmock.h>

#include <filesystem>
#include <map>
#include <set>

#include "mpq/model/architecture.h"
#include "tests/support/error_of.h"
#include "tests/support/source_path.h"

namespace mpq {
namespace {
namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr int64_t kHuge = int64_t{1} << 62;

/// config.json of every golden checkpoint, by its folder's name.
const std::map<std::string, Json>& golden_configs() {
  static const std::map<std::string, Json> kConfigs = [] {
    std::map<std::string, Json> configs;
    const std::string folder = source_path("tests/golden/architectures");
    for (const auto& entry : fs::directory_iterator(folder)) {
      const std::string path = entry.path().string() + "/config.json";
      if (fs::exists(path)) configs[entry.path().filename().string()] = read_json_file(path);
    }
    return configs;
  }();
  return kConfigs;
}

/// Pointers to the members of an object and of those within, and to the first entry of lists.
void add_places(const Json& object, const std::string& place, std::vector<std::string>& places) {
  for (const auto& [key, value] : object.items()) {
    const std::string here = place + "/" + key;
    places.push_back(here);
    if (value.is_object()) add_places(value, here, places);
    if (value.is_array() && !value.empty()) places.push_back(here + "/0");
  }
}

Json changed(Json config, const std::string& place, const Json& value) {
  config[Json::json_pointer(place)] = value;
  return config;
}

/// The model_type's own member stays: it chooses the reader.
void expect_read_or_refused(const std::string& type, const Json& config, const std::string& what) {
  try {
    configure_whole(type, config, what);
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr(what));
  } catch (const std::exception& error) {
    ADD_FAILURE() << what << ": " << error.what();
  }
}

TEST(DamagedConfig, AnyMemberOfAnyFamilyMayBeAnything) {
  EXPECT_GT(golden_configs().size(), 60U);
  const std::vector<Json> values = {nullptr,
                                    -1,
                                    0,
                                    kHuge,
                                    1e300,
                                    true,
                                    "x",
                                    Json::array({-1}),
                                    Json::object(),
                                    Json::object({{"0", 5}})};
  for (const auto& [name, config] : golden_configs()) {
    const auto type = config.at("model_type").get<std::string>();
    std::vector<std::string> places;
    add_places(config, "", places);
    places.push_back("/per_layer_config");
    for (const auto& place : places) {
      for (const Json& value : values)
        expect_read_or_refused(type, changed(config, place, value),
                               fmt::format("{}: {} = {}", name, place, value.dump()));
    }
  }
}

/// A family has defaults for what others' configurations spell out.
TEST(DamagedConfig, SizesOfOtherFamiliesAndNestedOnesToo) {
  std::set<std::string> sizes;
  for (const auto& [name, config] : golden_configs()) {
    for (const auto& [key, value] : config.items()) {
      if (value.is_number()) sizes.insert(key);
    }
  }
  EXPECT_GT(sizes.size(), 40U);
  for (const auto& [name, config] : golden_configs()) {
    const auto type = config.at("model_type").get<std::string>();
    for (const auto& size : sizes) {
      for (const Json& value : {Json(-1), Json(kHuge)}) {
        const Json damaged = changed(config, "/" + size, value);
        const std::string what = fmt::format("{}: {} = {}", name, size, value.dump());
        expect_read_or_refused(type, damaged, what);
        const Json nested = {{"model_type", "mistral3"}, {"text_config", damaged}};
        expect_read_or_refused("mistral3", nested, what);
      }
    }
  }
}

struct Refused {
  const char* config;
  const char* place;
  std::vector<Json> values;
  std::string said = {};  // empty: the member's name
};

TEST(DamagedConfig, SizesThatNoModelHasAreAFormatError) {
  const std::vector<Json> no_size = {-1, 0, kHuge}, no_count = {-1, kHuge};
  const std::vector<Refused> cases = {
      {"deepseek_v3", "/first_k_dense_replace", no_count},
      {"glm4_moe", "/first_k_dense_replace", no_count},
      {"deepseek_v3", "/n_shared_experts", {-1, kHuge, kMaxWidth}},
      {"glm4_moe", "/n_shared_experts", no_count},
      {"deepseek_v3", "/n_routed_experts", no_size},
      {"deepseek_v3", "/num_experts_per_tok", {-1, 0, 9, kHuge}},
      {"deepseek_v3", "/n_group", {-1, 0, 3, 16, kHuge}, "groups"},
      {"deepseek_v3", "/topk_group", {-1, 0, 5, kHuge}, "groups"},
      {"deepseek_v3", "/kv_lora_rank", no_size},
      {"deepseek_v3", "/qk_rope_head_dim", no_size, "head_dim"},
      {"deepseek_v3", "/v_head_dim", no_size},
      {"deepseek_v3", "/moe_intermediate_size", no_size},
      {"glm4_moe", "/moe_intermediate_size", no_size},
      {"qwen2_moe", "/moe_intermediate_size", no_size},
      {"qwen3_moe", "/moe_intermediate_size", no_size},
      {"qwen3_next", "/moe_intermediate_size", no_size},
      {"nemotron_h", "/moe_intermediate_size", no_size},
      {"gemma4_moe", "/moe_intermediate_size", no_size},
      {"gemma4_moe", "/per_layer_config", {Json::object({{"0", 5}})}},
      {"qwen2_moe", "/shared_expert_intermediate_size", no_size},
      {"qwen3_next", "/shared_expert_intermediate_size", no_size},
      {"qwen3_next", "/linear_num_key_heads", no_size},
      {"qwen3_next", "/full_attention_interval", {-1, 0}},
      {"qwen3_moe", "/num_experts_per_tok", {-1, 0, 9, kHuge}},
      {"mixtral", "/num_experts_per_tok", {-1, 0, 9, kHuge}},
      {"nemotron_h", "/moe_latent_size", no_count},
      {"nemotron_h_latent", "/moe_latent_size", no_count},
      {"nemotron_h", "/mamba_num_heads", no_size},
      {"lfm2", "/block_ffn_dim_multiplier", {-1, 0, kHuge, 1e300}},
      {"lfm2", "/block_multiple_of", no_size},
      {"lfm2", "/conv_L_cache", no_size},
      {"gemma2", "/query_pre_attn_scalar", {-1, 0}},
      {"llama_llama3", "/rope_scaling/low_freq_factor", {-1, 0, 4}, "rope settings"},
      {"llama_yarn", "/rope_parameters/beta_fast", {-1, 0}, "rope settings"},
      {"phi3_longrope_long", "/original_max_position_embeddings", {-1, 0, 1}, "rope settings"}};
  for (const auto& [name, place, values, said] : cases) {
    const std::string member = std::string(place).substr(std::string(place).rfind('/') + 1);
    for (const Json& value : values) {
      const Json config = changed(golden_configs().at(name), place, value);
      const std::string what = fmt::format("{}: {} = {}", name, place, value.dump());
      const auto read = [&] { configure_whole(config.at("model_type"), config, "config.json"); };
      EXPECT_THAT(error_of(ErrorCode::Format, read), HasSubstr(said.empty() ? member : said))
          << what;
      const Json nested = {{"model_type", "mistral3"}, {"text_config", config}};
      EXPECT_THAT(
          error_of(ErrorCode::Format, [&] { configure_whole("mistral3", nested, "config.json"); }),
          HasSubstr("config.json: text_config: "))
          << what;
    }
  }
}

}  // namespace
}  // namespace mpq
