// Qwen3: normalised queries and keys, head_dim of its own.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Qwen3 final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Qwen3(const Options&) {}

  ModelConfig configure(const Json& config, const std::string& where) const override {
    const bool bias = json_get_or<bool>(config, "attention_bias", false, where);
    ModelConfig model =
        configure_llama_like(config, where, {.qkv_bias = bias, .output_bias = bias});
    for (auto& block : model.blocks) set_head_norms(block, HeadNorm::PerHead);
    set_upper_windows(model, config, where);
    return model;
  }
};

MPQ_REGISTER(Architecture, Qwen3, "qwen3", "Qwen3 (dense): normalised queries and keys");

}  // namespace
}  // namespace mpq
