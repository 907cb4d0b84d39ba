// DeepSeek-V3, V3.1 and R1: latent attention, sigmoid router within groups, dense first layers.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class DeepseekV3 final : public Architecture {
 public:
  using Options = NoOptions;
  explicit DeepseekV3(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    Json config = with_defaults(source, {{"n_shared_experts", 1},
                                         {"n_routed_experts", 256},
                                         {"num_experts_per_tok", 8},
                                         {"moe_intermediate_size", 2048},
                                         {"first_k_dense_replace", 3},
                                         {"n_group", 8},
                                         {"topk_group", 4},
                                         {"routed_scaling_factor", 2.5},
                                         {"kv_lora_rank", 512},
                                         {"qk_rope_head_dim", 64},
                                         {"qk_nope_head_dim", 128},
                                         {"v_head_dim", 128}});
    if (!config.contains("q_lora_rank")) config["q_lora_rank"] = 1536;  // null: none
    return configure_latent_mixture(
        config, json_get<int64_t>(config, "first_k_dense_replace", where), where);
  }
};

MPQ_REGISTER(Architecture, DeepseekV3, "deepseek_v3", "DeepSeek-V3 and R1: latent attention");

}  // namespace
}  // namespace mpq
