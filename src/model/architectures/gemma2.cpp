// Gemma 2: norms around both halves, soft caps, windows on every other layer, scaled embeddings.
#include <cmath>

#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Gemma2 final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Gemma2(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    const Json config = with_defaults(source, {{"head_dim", 256},
                                               {"tie_word_embeddings", true},
                                               {"hidden_activation", "gelu_pytorch_tanh"}});
    const bool bias = json_get_or<bool>(config, "attention_bias", false, where);
    ModelConfig model = configure_llama_like(
        config, where,
        {.qkv_bias = bias, .output_bias = bias, .activation_key = "hidden_activation"});
    const auto scalar = json_get_or<double>(config, "query_pre_attn_scalar", 256.0, where);
    require(scalar > 0, ErrorCode::Format,
            "{}: \"query_pre_attn_scalar\": expected above 0, found {}", where, scalar);
    for (auto& block : model.blocks) {
      block.norm.kind = NormKind::RmsPlusOne;
      set_sandwich_norms(block, model.hidden);
      block.attention.scale = 1.0 / std::sqrt(scalar);
      block.attention.softcap = json_get_or<double>(config, "attn_logit_softcapping", 0.0, where);
    }
    model.embedding_scale = std::sqrt(static_cast<double>(model.hidden));
    model.logits_softcap = json_get_or<double>(config, "final_logit_softcapping", 0.0, where);
    const auto window = json_get_or<int64_t>(config, "sliding_window", 4096, where);
    set_windows(
        model, config, window, [](int64_t layer) { return layer % 2 == 0; }, where);
    return model;
  }
};

MPQ_REGISTER(Architecture, Gemma2, "gemma2", "Gemma 2: soft caps, alternating windows");

}  // namespace
}  // namespace mpq
