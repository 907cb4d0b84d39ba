// Qwen3 mixtures: normalised heads, softmax over all experts.
#include "mpq/core/error.h"
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Qwen3Moe final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Qwen3Moe(const Options&) {}

  ModelConfig configure(const Json& config, const std::string& where) const override {
    // Said by some, and so in all.
    require(json_get_or<bool>(config, "use_qk_norm", true, where), ErrorCode::Unsupported,
            "{}: \"use_qk_norm\" is false; mpq knows these mixtures with head norms alone", where);
    const bool bias = json_get_or<bool>(config, "attention_bias", false, where);
    ModelConfig model =
        configure_llama_like(config, where, {.qkv_bias = bias, .output_bias = bias});
    if (json_get_or<bool>(config, "use_sliding_window", false, where))
      set_windows(
          model, config, json_get_or<int64_t>(config, "sliding_window", 4096, where),
          [](int64_t) { return true; }, where);
    for (auto& block : model.blocks) set_head_norms(block, HeadNorm::PerHead);
    set_qwen_mixture(model, with_defaults(config, {{"norm_topk_prob", false}}), /*shared=*/false,
                     where);
    return model;
  }
};

MPQ_REGISTER(Architecture, Qwen3Moe, "qwen3_moe", "Qwen3 mixtures of experts");

}  // namespace
}  // namespace mpq
