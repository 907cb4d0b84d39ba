// OLMo 2: norms behind attention and MLP, queries and keys normalised over their full width.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Olmo2 final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Olmo2(const Options&) {}

  ModelConfig configure(const Json& config, const std::string& where) const override {
    const bool bias = json_get_or<bool>(config, "attention_bias", false, where);
    ModelConfig model =
        configure_llama_like(config, where, {.qkv_bias = bias, .output_bias = bias, .eps = 1e-5});
    for (auto& block : model.blocks) {
      move_norms_behind(block, model.hidden);
      set_head_norms(block, HeadNorm::FullWidth);
    }
    return model;
  }
};

MPQ_REGISTER(Architecture, Olmo2, "olmo2", "OLMo 2: norms behind attention and MLP");

}  // namespace
}  // namespace mpq
