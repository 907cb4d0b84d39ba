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
    const auto width = json_get<int64_t>(config, "moe_intermediate_size", where);
    MixtureTraits traits{
        .router = read_router(config, "n_routed_experts", where),
        .intermediate = width,
        .shared_intermediate = width * json_get<int64_t>(config, "n_shared_experts", where),
        .router_bias = "mlp.gate.e_score_correction_bias",
        .shared_module = "mlp.shared_experts"};
    set_sigmoid_router(traits.router, config, where);
    const auto dense = json_get<int64_t>(config, "first_k_dense_replace", where);
    const bool head_norms = json_get_or<bool>(config, "use_qk_norm", false, where);
    for (int64_t layer = 0; layer < model.layers; ++layer) {
      BlockConfig& block = model.blocks[static_cast<size_t>(layer)];
      if (head_norms) set_head_norms(block, HeadNorm::PerHead);
      if (layer >= dense) set_mixture(block, model.hidden, traits);
    }
    // A block that predicts one token more stands behind the others.
    model.carried = {fmt::format("model.layers.{}.", model.layers)};
    return model;
  }
};

MPQ_REGISTER(Architecture, Glm4Moe, "glm4_moe", "GLM-4.5 mixtures: sigmoid router");

}  // namespace
}  // namespace mpq
