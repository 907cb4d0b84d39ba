// Attention with an output gate, and gated delta nets, as Qwen mixes them.
#include "mpq/core/error.h"
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

constexpr int64_t kMostHeads = 65'536, kMostChannels = 65'536;

DeltaConfig read_delta(const Json& config, const std::string& where, bool fused) {
  const auto size = [&](const char* key, int64_t limit) {
    return size_member(config, key, limit + 1, where);
  };
  const DeltaConfig delta{.key_heads = size("linear_num_key_heads", kMostHeads),
                          .value_heads = size("linear_num_value_heads", kMostHeads),
                          .key_dim = size("linear_key_head_dim", kMostChannels),
                          .value_dim = size("linear_value_head_dim", kMostChannels),
                          .kernel = size("linear_conv_kernel_dim", kMostChannels),
                          .grouped = fused};
  require(delta.value_heads % delta.key_heads == 0, ErrorCode::Format,
          "{}: {} value heads are no multiple of {} key heads", where, delta.value_heads,
          delta.key_heads);
  return delta;
}

void set_delta_net(BlockConfig& block, int64_t hidden, const DeltaConfig& delta) {
  const int64_t channels =
      2 * delta.key_heads * delta.key_dim + delta.value_heads * delta.value_dim;
  const int64_t values = delta.value_heads * delta.value_dim;
  block.mixer = Mixer::DeltaNet;
  block.delta = delta;
  drop_attention(block);
  std::vector<LinearInfo> linears;
  const auto add = [&](Role role, Stage stage, const char* name, int64_t out, int64_t in) {
    linears.push_back({role, stage, std::string("linear_attn.") + name, out, in});
  };
  const auto side = [&](Side which, const char* name, std::vector<int64_t> shape) {
    block.sides[which] = {std::string("linear_attn.") + name, std::move(shape)};
  };
  if (delta.grouped) {
    add(Role::Mixer, Stage::AttentionIn, "in_proj_qkvz", channels + values, hidden);
    side(Side::DeltaGates, "in_proj_ba.weight", {2 * delta.value_heads, hidden});
  } else {
    add(Role::Mixer, Stage::AttentionIn, "in_proj_qkv", channels, hidden);
    add(Role::MixerGate, Stage::AttentionIn, "in_proj_z", values, hidden);
    side(Side::DeltaBeta, "in_proj_b.weight", {delta.value_heads, hidden});
    side(Side::DeltaStep, "in_proj_a.weight", {delta.value_heads, hidden});
  }
  add(Role::Output, Stage::AttentionOut, "out_proj", hidden, values);
  side(Side::Convolution, "conv1d.weight", {channels, 1, delta.kernel});
  side(Side::DecayLog, "A_log", {delta.value_heads});
  side(Side::StepBias, "dt_bias", {delta.value_heads});
  side(Side::GatedNorm, "norm.weight", {delta.value_dim});
  block.linears.insert(block.linears.begin(), linears.begin(), linears.end());
}

void set_gate(BlockConfig& block) {
  block.attention.gated = true;
  for (auto& linear : block.linears) {
    if (linear.role == Role::Query) linear.out *= 2;
  }
}

}  // namespace

ModelConfig configure_qwen_hybrid(const Json& source, const std::string& where, bool fused) {
  const Json config = with_defaults(source, {{"head_dim", 256},
                                             {"intermediate_size", 5632},
                                             {"linear_num_key_heads", 16},
                                             {"linear_num_value_heads", 32},
                                             {"linear_key_head_dim", 128},
                                             {"linear_value_head_dim", 128},
                                             {"linear_conv_kernel_dim", 4},
                                             {"full_attention_interval", 4}});
  const bool bias = json_get_or<bool>(config, "attention_bias", false, where);
  const LlamaTraits traits{.qkv_bias = bias,
                           .output_bias = bias,
                           .rotary_share = 0.25,
                           .layer_types = {"full_attention", "linear_attention"}};
  ModelConfig model = configure_llama_like(config, where, traits);
  const auto types = layer_types(config, model.layers, traits.layer_types, where);
  const auto interval = json_get<int64_t>(config, "full_attention_interval", where);
  require(interval > 0, ErrorCode::Format,
          "{}: \"full_attention_interval\" is {}, expected above 0", where, interval);
  const DeltaConfig delta = read_delta(config, where, fused);
  for (size_t layer = 0; layer < model.blocks.size(); ++layer) {
    BlockConfig& block = model.blocks[layer];
    block.norm.kind = NormKind::RmsPlusOne;
    const bool attends = types.empty() ? (static_cast<int64_t>(layer) + 1) % interval == 0
                                       : types[layer] == "full_attention";
    if (attends) {
      set_head_norms(block, HeadNorm::PerHead);
      set_gate(block);
    } else {
      set_delta_net(block, model.hidden, delta);
    }
  }
  model.carried.push_back("mtp.");
  // Where a fine-tune took the language model out of one with images.
  model.layouts.push_back({.prefix = "model.language_model."});
  return model;
}

}  // namespace mpq
