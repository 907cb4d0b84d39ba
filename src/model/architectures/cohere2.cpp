// Command R7B and A: LayerNorm, attention beside the MLP, rotation under windows alone.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Cohere2 final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Cohere2(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    Json config = with_defaults(source, {{"tie_word_embeddings", true}, {"logit_scale", 0.0625}});
    config.erase("head_dim");  // the class does not read it
    const bool bias = json_get_or<bool>(config, "attention_bias", false, where);
    ModelConfig model = configure_llama_like(
        config, where,
        {.qkv_bias = bias, .output_bias = bias, .eps_key = "layer_norm_eps", .eps = 1e-5});
    model.logits_scale = json_get<double>(config, "logit_scale", where);
    set_windows(
        model, config, json_get_or<int64_t>(config, "sliding_window", 4096, where),
        [pattern = json_get_or<int64_t>(config, "sliding_window_pattern", 4, where)](
            int64_t layer) { return pattern > 0 && (layer + 1) % pattern != 0; },
        where);
    for (auto& block : model.blocks) {
      block.norm.kind = NormKind::Layer;
      block.parallel = true;
      block.sides.erase(Side::MlpNorm);
      block.attention.rope.interleaved = true;
      block.attention.rotates = block.attention.window > 0;
    }
    return model;
  }
};

MPQ_REGISTER(Architecture, Cohere2, "cohere2", "Command R7B, A: parallel blocks, LayerNorm");

}  // namespace
}  // namespace mpq
