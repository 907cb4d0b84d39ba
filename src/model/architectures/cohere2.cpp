// Command R7B and A: LayerNorm, attention beside the MLP, rotation under windows alone.
#include "mpq/core/error.h"
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Cohere2 final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Cohere2(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    Json config = with_defaults(source, {{"rope_theta", 10000.0}});
    // The class does not read them.
    config.erase("head_dim");
    config.erase("use_qk_norm");
    const auto share = json_get_or<double>(config, "rotary_pct", 1.0, where);
    require(
        share == 1, ErrorCode::Unsupported,
        "{}: \"rotary_pct\" is {}; the class rotates whole heads whatever it says, others do not",
        where, share);
    ModelConfig model = configure_as("cohere", config, where);
    set_windows(
        model, config, json_get_or<int64_t>(config, "sliding_window", 4096, where),
        [pattern = json_get_or<int64_t>(config, "sliding_window_pattern", 4, where)](
            int64_t layer) { return pattern > 0 && (layer + 1) % pattern != 0; },
        where);
    for (auto& block : model.blocks) block.attention.rotates = block.attention.window > 0;
    return model;
  }
};

MPQ_REGISTER(Architecture, Cohere2, "cohere2", "Command R7B, A: parallel blocks, LayerNorm");

}  // namespace
}  // namespace mpq
