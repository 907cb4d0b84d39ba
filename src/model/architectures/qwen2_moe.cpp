// Qwen1.5 and Qwen2 mixtures: biases on q, k, v, a shared expert behind a gate.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Qwen2Moe final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Qwen2Moe(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    const Json config = with_defaults(source, {{"norm_topk_prob", false},
                                               {"shared_expert_intermediate_size", 5632},
                                               {"max_window_layers", 28}});
    ModelConfig model = configure_llama_like(
        config, where, {.qkv_bias = json_get_or<bool>(config, "qkv_bias", true, where)});
    if (json_get_or<bool>(config, "use_sliding_window", false, where)) {
      const auto last = json_get<int64_t>(config, "max_window_layers", where);
      set_windows(
          model, config, json_get_or<int64_t>(config, "sliding_window", 4096, where),
          [last](int64_t layer) { return layer < last && layer % 2 == 0; }, where);
    }
    set_qwen_mixture(model, config, /*shared=*/true, where);
    return model;
  }
};

MPQ_REGISTER(Architecture, Qwen2Moe, "qwen2_moe", "Qwen2 mixtures: a shared expert");

}  // namespace
}  // namespace mpq
