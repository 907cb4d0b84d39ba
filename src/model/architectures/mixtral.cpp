// Mixtral: two of eight experts in every layer.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Mixtral final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Mixtral(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    const Json config = with_defaults(source, {{"rope_theta", 1e6}});
    ModelConfig model = configure_llama_like(config, where, {.eps = 1e-5});
    const auto window = json_get_or<int64_t>(config, "sliding_window", 0, where);
    set_windows(
        model, config, window, [](int64_t) { return true; }, where);
    MixtureTraits traits{
        .router = read_router(config, "num_local_experts", where),
        .intermediate = model.widest(),
        .mlp = {.module = "block_sparse_moe.experts", .gate = "w1", .up = "w3", .down = "w2"},
        .router_module = "block_sparse_moe.gate"};
    traits.router.renormalise = true;
    for (auto& block : model.blocks) set_mixture(block, model.hidden, traits);
    return model;
  }
};

MPQ_REGISTER(Architecture, Mixtral, "mixtral", "Mixtral: experts in every layer");

}  // namespace
}  // namespace mpq
