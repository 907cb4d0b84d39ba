// SmolLM3: every fourth layer does not rotate.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class SmolLm3 final : public Architecture {
 public:
  using Options = NoOptions;
  explicit SmolLm3(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    const Json config = with_defaults(
        source,
        {{"tie_word_embeddings", true}, {"rope_theta", 2e6}, {"no_rope_layer_interval", 4}});
    ModelConfig model = configure_llama_like(config, where, traits_with_biases(config, where));
    const auto interval = json_get<int64_t>(config, "no_rope_layer_interval", where);
    // The list says which layers do rotate, whatever its name.
    const auto rotates = json_get_or<std::vector<int64_t>>(config, "no_rope_layers", {}, where);
    require(interval > 0 && (rotates.empty() || rotates.size() == model.blocks.size()),
            ErrorCode::Format, "{}: \"no_rope_layers\" has {} entries, expected {}", where,
            rotates.size(), model.layers);
    for (size_t i = 0; i < model.blocks.size(); ++i)
      model.blocks[i].attention.rotates =
          rotates.empty() ? (static_cast<int64_t>(i) + 1) % interval != 0 : rotates[i] != 0;
    if (!json_get_or<bool>(config, "use_sliding_window", false, where)) return model;
    set_windows(
        model, config, json_get_or<int64_t>(config, "sliding_window", 0, where),
        [&](int64_t layer) { return !model.block(layer).attention.rotates; }, where);
    return model;
  }
};

MPQ_REGISTER(Architecture, SmolLm3, "smollm3", "SmolLM3: layers without rotation");

}  // namespace
}  // namespace mpq
