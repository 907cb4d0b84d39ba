// Command R: LayerNorm, attention beside the MLP, pairs rotated.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Cohere final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Cohere(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    const Json config = with_defaults(
        source, {{"tie_word_embeddings", true}, {"logit_scale", 0.0625}, {"rope_theta", 500000.0}});
    const bool bias = json_get_or<bool>(config, "attention_bias", false, where);
    ModelConfig model = configure_llama_like(
        config, where,
        {.qkv_bias = bias, .output_bias = bias, .eps_key = "layer_norm_eps", .eps = 1e-5});
    model.logits_scale = json_get<double>(config, "logit_scale", where);
    const bool head_norms = json_get_or<bool>(config, "use_qk_norm", false, where);
    for (auto& block : model.blocks) {
      const AttentionConfig& attention = block.attention;
      block.norm.kind = NormKind::Layer;
      block.parallel = true;
      block.sides.erase(Side::MlpNorm);
      block.attention.rope.interleaved = true;
      if (!head_norms) continue;
      set_head_norms(block, HeadNorm::PerHead);
      block.sides[Side::QueryNorm].shape = {attention.heads, attention.head_dim};
      block.sides[Side::KeyNorm].shape = {attention.kv_heads, attention.head_dim};
    }
    return model;
  }
};

MPQ_REGISTER(Architecture, Cohere, "cohere", "Command R: parallel blocks, LayerNorm");

}  // namespace
}  // namespace mpq
