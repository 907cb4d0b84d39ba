// GLM-4 0414: norms before and behind, half of each head rotated in pairs, fused gate_up.
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

class Glm4 final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Glm4(const Options&) {}

  ModelConfig configure(const Json& config, const std::string& where) const override {
    ModelConfig model = configure_as("glm", config, where);
    for (auto& block : model.blocks) {
      set_norm(block, Side::AfterAttentionNorm, "post_self_attn_layernorm", model.hidden);
      set_norm(block, Side::AfterMlpNorm, "post_mlp_layernorm", model.hidden);
    }
    return model;
  }
};

MPQ_REGISTER(Architecture, Glm4, "glm4", "GLM-4 0414: norms on both sides, pairs rotated");

}  // namespace
}  // namespace mpq
