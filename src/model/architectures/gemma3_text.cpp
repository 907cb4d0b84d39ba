// Gemma 3: Gemma 2 with normalised heads and a rope of its own for windows.
#include <cmath>

#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Gemma3Text final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Gemma3Text(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    const Json config = with_defaults(source, {{"head_dim", 256},
                                               {"num_attention_heads", 8},
                                               {"num_key_value_heads", 4},
                                               {"vocab_size", 262208},
                                               {"max_position_embeddings", 131072},
                                               {"hidden_activation", "gelu_pytorch_tanh"},
                                               {"query_pre_attn_scalar", 256},
                                               {"sliding_window", 4096},
                                               {"sliding_window_pattern", 6},
                                               {"rope_theta", 1e6},
                                               {"rope_local_base_freq", 10000.0},
                                               {"tie_word_embeddings", true}});
    const bool bias = json_get_or<bool>(config, "attention_bias", false, where);
    ModelConfig model = configure_llama_like(
        with_rope_of(config, "full_attention"), where,
        {.qkv_bias = bias, .output_bias = bias, .activation_key = "hidden_activation"});
    const auto pattern = json_get<int64_t>(config, "sliding_window_pattern", where);
    require(pattern > 0, ErrorCode::Format,
            "{}: \"sliding_window_pattern\" is {}, expected above 0", where, pattern);
    set_windows(
        model, config, json_get<int64_t>(config, "sliding_window", where),
        [pattern](int64_t layer) { return (layer + 1) % pattern != 0; }, where);
    Json local = with_rope_of(config, "sliding_attention");
    local.erase("rope_scaling");
    local["rope_theta"] = config.at("rope_local_base_freq");
    model.embedding_scale = std::sqrt(static_cast<double>(model.hidden));
    model.logits_softcap = json_get_or<double>(config, "final_logit_softcapping", 0.0, where);
    for (auto& block : model.blocks) {
      AttentionConfig& attention = block.attention;
      block.norm.kind = NormKind::RmsPlusOne;
      set_sandwich_norms(block, model.hidden);
      set_head_norms(block, HeadNorm::PerHead);
      attention.scale = 1 / std::sqrt(json_get<double>(config, "query_pre_attn_scalar", where));
      attention.softcap = json_get_or<double>(config, "attn_logit_softcapping", 0.0, where);
      if (attention.window > 0) attention.rope = parse_rope(local, attention.rope.dim, where);
    }
    return model;
  }
};

MPQ_REGISTER(Architecture, Gemma3Text, "gemma3_text", "Gemma 3: normalised heads, two ropes");

}  // namespace
}  // namespace mpq
