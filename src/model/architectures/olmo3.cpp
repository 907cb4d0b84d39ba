// OLMo 3: OLMo 2 with windows on three of four layers, whose rope is never scaled.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Olmo3 final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Olmo3(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    const Json config = with_defaults(source, {{"rope_theta", 500000.0}});
    ModelConfig model = configure_as("olmo2", with_rope_of(config, "full_attention"), where);
    set_windows(
        model, config, json_get_or<int64_t>(config, "sliding_window", 4096, where),
        [](int64_t layer) { return (layer + 1) % 4 != 0; }, where);
    Json unscaled = with_rope_of(config, "sliding_attention");
    unscaled.erase("rope_scaling");
    for (auto& block : model.blocks) {
      AttentionConfig& attention = block.attention;
      if (attention.window > 0) attention.rope = parse_rope(unscaled, attention.rope.dim, where);
    }
    return model;
  }
};

MPQ_REGISTER(Architecture, Olmo3, "olmo3", "OLMo 3: OLMo 2 with sliding windows");

}  // namespace
}  // namespace mpq
