// Qwen3.5 and 3.6 mixtures: delta nets with split projections, experts in every layer.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Qwen35MoeText final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Qwen35MoeText(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    const Json config = with_defaults(source, {{"num_key_value_heads", 2},
                                               {"shared_expert_intermediate_size", 512},
                                               {"moe_intermediate_size", 512},
                                               {"num_experts_per_tok", 8}});
    ModelConfig model = configure_qwen_hybrid(config, where, /*fused=*/false);
    MixtureTraits traits{
        .router = read_router(config, "num_experts", where),
        .intermediate = json_get<int64_t>(config, "moe_intermediate_size", where),
        .shared_intermediate = json_get<int64_t>(config, "shared_expert_intermediate_size", where),
        .shared_gate = "mlp.shared_expert_gate.weight"};
    traits.router.renormalise = true;
    for (auto& block : model.blocks) set_mixture(block, model.hidden, traits);
    return model;
  }
};

MPQ_REGISTER(Architecture, Qwen35MoeText, "qwen3_5_moe_text", "Qwen3.5, 3.6 mixtures: delta nets");

}  // namespace
}  // namespace mpq
