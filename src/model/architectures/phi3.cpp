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
    const int64_t query = model.heads * model.head_dim;
    const int64_t key = model.kv_heads * model.head_dim;
    model.linears = {
        {Role::QueryKeyValue, Stage::AttentionIn, "self_attn.qkv_proj", query + 2 * key,
         model.hidden, false},
        {Role::Output, Stage::AttentionOut, "self_attn.o_proj", model.hidden, query, false},
        {Role::GateUp, Stage::MlpIn, "mlp.gate_up_proj", 2 * model.intermediate, model.hidden,
         false},
        {Role::Down, Stage::MlpOut, "mlp.down_proj", model.hidden, model.intermediate, false}};
    return model;
  }
};

MPQ_REGISTER(Architecture, Phi3, "phi3", "Phi-3, Phi-4-mini: fused qkv and gate_up, longrope");

}  // namespace
}  // namespace mpq
