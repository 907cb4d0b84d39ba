// gpt-oss: sinks, biases everywhere, clamped experts in 3-dimensional tensors.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class GptOss final : public Architecture {
 public:
  using Options = NoOptions;
  explicit GptOss(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    const Json yarn = {{"rope_type", "yarn"},
                       {"rope_theta", 150000.0},
                       {"factor", 32.0},
                       {"beta_fast", 32.0},
                       {"beta_slow", 1.0},
                       {"truncate", false},
                       {"original_max_position_embeddings", 4096}};
    Json config = with_defaults(source, {{"head_dim", 64},
                                         {"num_key_value_heads", 8},
                                         {"num_experts_per_tok", 4},
                                         {"rope_theta", 150000.0}});
    if (!config.contains("rope_scaling"))
      config = with_defaults(config, {{"rope_parameters", yarn}});
    const bool bias = json_get_or<bool>(config, "attention_bias", true, where);
    ModelConfig model =
        configure_llama_like(config, where, {.qkv_bias = bias, .output_bias = bias, .eps = 1e-5});
    set_windows(
        model, config, json_get_or<int64_t>(config, "sliding_window", 128, where),
        [](int64_t layer) { return layer % 2 == 0; }, where);
    MixtureTraits traits{.router = read_router(config, "num_local_experts", where),
                         .intermediate = model.widest(),
                         .mlp = {.module = "mlp.experts", .bias = true},
                         .router_module = "mlp.router",
                         .router_bias = "mlp.router.bias"};
    traits.router.renormalise = true;
    for (auto& block : model.blocks) {
      set_mixture(block, model.hidden, traits);
      block.activation = Activation::ClampedSwiglu;
      block.activation_limit = json_get_or<double>(config, "swiglu_limit", 7.0, where);
      block.activation_slope = json_get_or<double>(config, "swiglu_alpha", 1.702, where);
      block.sides[Side::Sinks] = {"self_attn.sinks", {block.attention.heads}};
    }
    model.experts_by_input = true;
    return model;
  }
};

MPQ_REGISTER(Architecture, GptOss, "gpt_oss", "gpt-oss: sinks, clamped experts");

}  // namespace
}  // namespace mpq
