// Qwen3.5 and 3.6 mixtures: delta nets with split projections, experts in every layer.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Qwen35MoeText final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Qwen35MoeText(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    Json config = with_defaults(source, {{"num_key_value_heads", 2},
                                         {"shared_expert_intermediate_size", 512},
                                         {"moe_intermediate_size", 512},
                                         {"num_experts_per_tok", 8}});
    ModelConfig model = configure_qwen_hybrid(config, where, /*fused=*/false);
    // Neither is a choice of its configurations.
    config["norm_topk_prob"] = true;
    for (const char* key : {"mlp_only_layers", "decoder_sparse_step"}) config.erase(key);
    set_qwen_mixture(model, config, /*shared=*/true, where);
    return model;
  }
};

MPQ_REGISTER(Architecture, Qwen35MoeText, "qwen3_5_moe_text", "Qwen3.5, 3.6 mixtures: delta nets");

}  // namespace
}  // namespace mpq
