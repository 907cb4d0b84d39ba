// Ministral 3: Mistral with yarn, and queries that grow with the position.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Ministral3 final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Ministral3(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    const Json yarn = {{"rope_type", "yarn"},
                       {"rope_theta", 1e6},
                       {"factor", 16.0},
                       {"original_max_position_embeddings", 16384},
                       {"mscale", 1.0},
                       {"mscale_all_dim", 1.0},
                       {"llama_4_scaling_beta", 0.1}};
    const Json config = with_defaults(source, {{"head_dim", 128}, {"num_key_value_heads", 8}});
    ModelConfig model = configure_llama_like(
        config.contains("rope_scaling") ? config
                                        : with_defaults(config, {{"rope_parameters", yarn}}),
        where, {.eps = 1e-5});
    const auto rope = json_get_or<Json>(config, "rope_parameters", yarn, where);
    const auto beta = json_get_or<double>(rope, "llama_4_scaling_beta", 0.0, where);
    for (auto& block : model.blocks) block.attention.query_growth = beta;
    const auto window = json_get_or<int64_t>(config, "sliding_window", 0, where);
    set_windows(
        model, config, window, [](int64_t) { return true; }, where);
    return model;
  }
};

MPQ_REGISTER(Architecture, Ministral3, "ministral3", "Ministral 3: yarn, growing queries");

}  // namespace
}  // namespace mpq
