// Granite 3 and 4 (dense): multipliers of embedding, attention, residual and logits.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Granite final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Granite(const Options&) {}

  ModelConfig configure(const Json& config, const std::string& where) const override {
    ModelConfig model = configure_llama_like(config, where, traits_with_biases(config, where));
    const auto factor = [&](const char* key) {
      return json_get_or<double>(config, key, 1.0, where);
    };
    require(factor("logits_scaling") > 0, ErrorCode::Format,
            "{}: \"logits_scaling\" is {}, expected above 0", where, factor("logits_scaling"));
    model.embedding_scale = factor("embedding_multiplier");
    model.logits_scale = 1 / factor("logits_scaling");
    for (auto& block : model.blocks) {
      block.attention.scale = factor("attention_multiplier");
      block.residual_scale = factor("residual_multiplier");
    }
    return model;
  }
};

MPQ_REGISTER(Architecture, Granite, "granite", "Granite (dense): four multipliers");

}  // namespace
}  // namespace mpq
