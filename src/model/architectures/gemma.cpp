// Gemma 1: norms that multiply by 1 + weight, scaled embeddings.
#include <cmath>

#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Gemma final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Gemma(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    Json config = with_defaults(source, {{"head_dim", 256}, {"tie_word_embeddings", true}});
    const bool bias = json_get_or<bool>(config, "attention_bias", false, where);
    // The activation is always tanh's gelu, whatever "hidden_act" says.
    config["hidden_act"] = "gelu_pytorch_tanh";
    ModelConfig model =
        configure_llama_like(config, where, {.qkv_bias = bias, .output_bias = bias});
    model.embedding_scale = std::sqrt(static_cast<double>(model.hidden));
    for (auto& block : model.blocks) block.norm.kind = NormKind::RmsPlusOne;
    return model;
  }
};

MPQ_REGISTER(Architecture, Gemma, "gemma", "Gemma 1");

}  // namespace
}  // namespace mpq
