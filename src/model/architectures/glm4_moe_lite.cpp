// GLM-4.7-Flash: GLM-4.5's mixture with DeepSeek-V3's attention.
#include <algorithm>

#include "mpq/core/error.h"
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

/// How many dense layers stand first, by `mlp_layer_types` or `first_k_dense_replace`.
int64_t dense_layers(const Json& config, const std::string& where) {
  const auto types = json_get_or<std::vector<std::string>>(config, "mlp_layer_types", {}, where);
  const auto said = json_get_or<int64_t>(config, "first_k_dense_replace", 1, where);
  if (types.empty()) return said;
  const auto first = std::find(types.begin(), types.end(), "sparse");
  const bool plain =
      std::all_of(types.begin(), first, [](const std::string& type) { return type == "dense"; }) &&
      std::all_of(first, types.end(), [](const std::string& type) { return type == "sparse"; });
  require(plain, ErrorCode::Unsupported,
          "{}: \"mlp_layer_types\" has other than \"dense\" layers before \"sparse\" ones", where);
  return first - types.begin();
}

class Glm4MoeLite final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Glm4MoeLite(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    Json config = with_defaults(source, {{"n_shared_experts", 1},
                                         {"n_routed_experts", 64},
                                         {"num_experts_per_tok", 4},
                                         {"moe_intermediate_size", 1536},
                                         {"n_group", 1},
                                         {"topk_group", 1},
                                         {"routed_scaling_factor", 1.8},
                                         {"kv_lora_rank", 512},
                                         {"qk_rope_head_dim", 64},
                                         {"qk_nope_head_dim", 192},
                                         {"v_head_dim", 256},
                                         {"rms_norm_eps", 1e-5}});
    if (!config.contains("q_lora_rank")) config["q_lora_rank"] = 768;  // null: none
    return configure_latent_mixture(config, dense_layers(config, where), where);
  }
};

MPQ_REGISTER(Architecture, Glm4MoeLite, "glm4_moe_lite", "GLM-4.7-Flash: latent attention");

}  // namespace
}  // namespace mpq
