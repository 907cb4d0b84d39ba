// GLM-4.5 to 4.7: sigmoid router with a bias of choice, a shared expert, dense first layers.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Glm4Moe final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Glm4Moe(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    const Json config = with_defaults(source, {{"n_shared_experts", 1},
                                               {"first_k_dense_replace", 1},
                                               {"num_experts_per_tok", 8},
                                               {"n_group", 1},
                                               {"topk_group", 1},
                                               {"routed_scaling_factor", 1.0}});
    ModelConfig model =
        configure_llama_like(config, where,
                             {.qkv_bias = json_get_or<bool>(config, "attention_bias", false, where),
                              .eps = 1e-5,
                              .rotary_share = 0.5});
    if (json_get_or<bool>(config, "use_qk_norm", false, where)) {
      for (auto& block : model.blocks) set_head_norms(block, HeadNorm::PerHead);
    }
    set_deepseek_mixture(model, config, json_get<int64_t>(config, "first_k_dense_replace", where),
                         where);
    return model;
  }
};

MPQ_REGISTER(Architecture, Glm4Moe, "glm4_moe", "GLM-4.5 mixtures: sigmoid router");

}  // namespace
}  // namespace mpq
