// Gemma 3: Gemma 2 with normalised heads and a rope of its own for windows.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Gemma3Text final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Gemma3Text(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    const Json config = with_defaults(source, {{"num_attention_heads", 8},
                                               {"num_key_value_heads", 4},
                                               {"vocab_size", 262208},
                                               {"max_position_embeddings", 131072},
                                               {"sliding_window", 4096},
                                               {"sliding_window_pattern", 6},
                                               {"rope_theta", 1e6},
                                               {"rope_local_base_freq", 10000.0}});
    ModelConfig model = configure_as("gemma2", with_rope_of(config, "full_attention"), where);
    const auto pattern = json_get<int64_t>(config, "sliding_window_pattern", where);
    require(pattern > 0, ErrorCode::Format,
            "{}: \"sliding_window_pattern\" is {}, expected above 0", where, pattern);
    set_windows(
        model, config, json_get<int64_t>(config, "sliding_window", where),
        [pattern](int64_t layer) { return (layer + 1) % pattern != 0; }, where);
    Json local = with_rope_of(config, "sliding_attention");
    local.erase("rope_scaling");
    local["rope_theta"] = config.at("rope_local_base_freq");
    for (auto& block : model.blocks) {
      AttentionConfig& attention = block.attention;
      set_head_norms(block, HeadNorm::PerHead);
      if (attention.window > 0) attention.rope = parse_rope(local, attention.rope.dim, where);
    }
    return model;
  }
};

MPQ_REGISTER(Architecture, Gemma3Text, "gemma3_text", "Gemma 3: normalised heads, two ropes");

}  // namespace
}  // namespace mpq
