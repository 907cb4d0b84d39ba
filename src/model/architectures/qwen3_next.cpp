// Qwen3-Next: delta nets with fused projections, a mixture with a shared expert.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Qwen3Next final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Qwen3Next(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    const Json config = with_defaults(source, {{"num_key_value_heads", 2},
                                               {"shared_expert_intermediate_size", 512},
                                               {"moe_intermediate_size", 512},
                                               {"num_experts_per_tok", 10}});
    ModelConfig model = configure_qwen_hybrid(config, where, /*fused=*/true);
    set_qwen_mixture(model, config, /*shared=*/true, where);
    return model;
  }
};

MPQ_REGISTER(Architecture, Qwen3Next, "qwen3_next", "Qwen3-Next: delta nets, a mixture");

}  // namespace
}  // namespace mpq
