// Phi-3 and Phi-4-mini: fused qkv and gate_up, partial rotation, longrope, sliding window.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Phi3 final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Phi3(const Options&) {}

  ModelConfig configure(const Json& config, const std::string& where) const override {
    ModelConfig model = configure_llama_like(config, where, {});
    const auto window = json_get_or<int64_t>(config, "sliding_window", 0, where);
    set_windows(
        model, config, window, [](int64_t) { return true; }, where);
    for (auto& block : model.blocks) {
      const AttentionConfig& attention = block.attention;
      const int64_t query = attention.heads * attention.head_dim;
      const int64_t key = attention.kv_heads * attention.head_dim;
      block.linears = {
          {Role::QueryKeyValue, Stage::AttentionIn, "self_attn.qkv_proj", query + 2 * key,
           model.hidden},
          {Role::Output, Stage::AttentionOut, "self_attn.o_proj", model.hidden, query}};
      set_fused_mlp(block, model.hidden);
    }
    return model;
  }
};

MPQ_REGISTER(Architecture, Phi3, "phi3", "Phi-3, Phi-4-mini: fused qkv and gate_up, longrope");

}  // namespace
}  // namespace mpq
