// GLM-4 0414: norms before and behind, half of each head rotated in pairs, fused gate_up.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Glm4 final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Glm4(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    const Json config = with_defaults(source, {{"head_dim", 128}, {"num_key_value_heads", 2}});
    ModelConfig model =
        configure_llama_like(config, where,
                             {.qkv_bias = json_get_or<bool>(config, "attention_bias", true, where),
                              .eps = 1.5625e-7,
                              .rotary_share = 0.5});
    for (auto& block : model.blocks) {
      block.attention.rope.interleaved = true;
      set_norm(block, Side::AfterAttentionNorm, "post_self_attn_layernorm", model.hidden);
      set_norm(block, Side::AfterMlpNorm, "post_mlp_layernorm", model.hidden);
      set_fused_mlp(block, model.hidden);
    }
    return model;
  }
};

MPQ_REGISTER(Architecture, Glm4, "glm4", "GLM-4 0414: norms on both sides, pairs rotated");

}  // namespace
}  // namespace mpq
