// ERNIE 4.5 (dense): a Llama that rotates pairs.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Ernie45 final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Ernie45(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    const Json config = with_defaults(source, {{"head_dim", 128},
                                               {"num_key_value_heads", 2},
                                               {"tie_word_embeddings", true},
                                               {"rope_theta", 500000.0}});
    const bool bias = json_get_or<bool>(config, "use_bias", false, where);
    ModelConfig model = configure_llama_like(
        config, where, {.qkv_bias = bias, .output_bias = bias, .mlp_bias = bias, .eps = 1e-5});
    for (auto& block : model.blocks) block.attention.rope.interleaved = true;
    return model;
  }
};

MPQ_REGISTER(Architecture, Ernie45, "ernie4_5", "ERNIE 4.5 (dense): pairs rotated");

}  // namespace
}  // namespace mpq
