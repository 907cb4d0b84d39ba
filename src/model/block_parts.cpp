// Norms and MLPs of a block, as architectures put them together.
#include <fmt/format.h>

#include "mpq/model/architecture.h"

namespace mpq {

void set_norm(BlockConfig& block, Side side, const std::string& module, int64_t width) {
  block.sides[side] = {module + ".weight", {width}};
}

void set_head_norms(BlockConfig& block, HeadNorm kind) {
  const AttentionConfig& attention = block.attention;
  const auto width = [&](int64_t heads) {
    return kind == HeadNorm::FullWidth ? heads * attention.head_dim : attention.head_dim;
  };
  block.attention.head_norm = kind;
  set_norm(block, Side::QueryNorm, "self_attn.q_norm", width(attention.heads));
  set_norm(block, Side::KeyNorm, "self_attn.k_norm", width(attention.kv_heads));
}

void move_norms_behind(BlockConfig& block, int64_t hidden) {
  block.sides.erase(Side::AttentionNorm);
  block.sides.erase(Side::MlpNorm);
  set_norm(block, Side::AfterAttentionNorm, "post_attention_layernorm", hidden);
  set_norm(block, Side::AfterMlpNorm, "post_feedforward_layernorm", hidden);
}

void set_sandwich_norms(BlockConfig& block, int64_t hidden) {
  set_norm(block, Side::AfterAttentionNorm, "post_attention_layernorm", hidden);
  set_norm(block, Side::MlpNorm, "pre_feedforward_layernorm", hidden);
  set_norm(block, Side::AfterMlpNorm, "post_feedforward_layernorm", hidden);
}

void set_mlp(BlockConfig& block, int64_t hidden, const MlpTraits& traits) {
  const auto add = [&](Role role, Stage stage, const char* name, int64_t out, int64_t in) {
    block.linears.push_back(
        {role, stage, traits.module + "." + name, out, in, traits.bias, traits.reads});
  };
  if (traits.gate != nullptr)
    add(Role::Gate, Stage::MlpIn, traits.gate, block.intermediate, hidden);
  add(Role::Up, Stage::MlpIn, traits.up, block.intermediate, hidden);
  add(Role::Down, Stage::MlpOut, traits.down, hidden, block.intermediate);
}

void set_fused_mlp(BlockConfig& block, int64_t hidden) {
  drop_mlp(block);
  block.linears.push_back(
      {Role::GateUp, Stage::MlpIn, "mlp.gate_up_proj", 2 * block.intermediate, hidden, false});
  block.linears.push_back(
      {Role::Down, Stage::MlpOut, "mlp.down_proj", hidden, block.intermediate, false});
}

void drop_mlp(BlockConfig& block) {
  std::erase_if(block.linears, [](const LinearInfo& linear) {
    return linear.stage == Stage::MlpIn || linear.stage == Stage::MlpOut;
  });
}

void drop_attention(BlockConfig& block) {
  std::erase_if(block.linears, [](const LinearInfo& linear) {
    return linear.stage == Stage::AttentionIn || linear.stage == Stage::AttentionOut;
  });
}

void set_mixture(BlockConfig& block, int64_t hidden, const MixtureTraits& traits) {
  const RouterConfig& router = traits.router;
  drop_mlp(block);
  block.router = router;
  block.sides[Side::Router] = {traits.router_module + ".weight", {router.experts, hidden}};
  if (!traits.router_bias.empty())
    block.sides[Side::RouterBias] = {traits.router_bias, {router.experts}};
  if (!traits.shared_gate.empty())
    block.sides[Side::SharedGate] = {traits.shared_gate, {1, hidden}};
  const auto project = [&](Side weight, Side bias, const std::string& module, int64_t out,
                           int64_t in) {
    block.sides[weight] = {module + ".weight", {out, in}};
    if (traits.latent_bias) block.sides[bias] = {module + ".bias", {out}};
  };
  if (traits.latent > 0) {
    project(Side::ExpertsIn, Side::ExpertsInBias, traits.to_latent, traits.latent, hidden);
    project(Side::ExpertsOut, Side::ExpertsOutBias, traits.from_latent, hidden, traits.latent);
  }
  MlpTraits mlp = traits.mlp;
  if (traits.shared_intermediate > 0) {
    block.intermediate = traits.shared_intermediate;
    mlp.module = traits.shared_module;
    mlp.reads = kSharedExpert;
    set_mlp(block, hidden, mlp);
  }
  block.intermediate = traits.intermediate;
  for (mlp.reads = 0; mlp.reads < router.experts; ++mlp.reads) {
    mlp.module = fmt::format("{}.{}", traits.mlp.module, mlp.reads);
    set_mlp(block, traits.latent > 0 ? traits.latent : hidden, mlp);
  }
}

}  // namespace mpq
