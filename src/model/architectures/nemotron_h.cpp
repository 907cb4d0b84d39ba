// Nemotron-H and Nemotron 3: blocks of one part each, Mamba2, attention, an MLP or a mixture.
#include "mpq/core/error.h"
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

constexpr int64_t kMost = 1 << 20;

/// Of each block: 'M', '*', '-' or 'E'.
std::string kinds_of(const Json& config, const std::string& where) {
  static const std::map<std::string, char> kKinds = {{"mamba", 'M'},     {"linear_attention", 'M'},
                                                     {"attention", '*'}, {"full_attention", '*'},
                                                     {"mlp", '-'},       {"moe", 'E'}};
  auto kinds = json_get_or<std::string>(config, "hybrid_override_pattern", "", where);
  const auto types = json_get_or<std::vector<std::string>>(config, "layers_block_type", {}, where);
  if (!types.empty()) kinds.clear();
  for (const auto& type : types) kinds += kKinds.count(type) != 0 ? kKinds.at(type) : '?';
  require(!kinds.empty() && kinds.find_first_not_of("M*-E") == kinds.npos, ErrorCode::Unsupported,
          "{}: the layers are \"{}\"; supported: M, *, -, E, or mamba, attention, mlp, moe", where,
          kinds);
  return kinds;
}

/// What has an effect elsewhere, and is said of these models without one.
void pass_over(const Json& config, const std::string& where) {
  for (const char* member :
       {"attention_bias", "chunk_size", "expand", "mamba_proj_bias", "mamba_ssm_cache_dtype",
        "moe_shared_expert_overlap", "n_shared_experts", "norm_eps", "num_hidden_layers",
        "num_logits_to_keep", "residual_in_fp32", "sliding_window", "time_step_floor",
        "time_step_max", "time_step_min", "use_mamba_kernels"})
    JsonReads::note(member);
  const bool known =
      json_get_or<std::string>(config, "mamba_hidden_act", "silu", where) == "silu" &&
      json_get_or<std::string>(config, "mlp_hidden_act", "relu2", where) == "relu2";
  require(known, ErrorCode::Unsupported,
          "{}: supported are \"mamba_hidden_act\" silu and \"mlp_hidden_act\" relu2", where);
}

MambaConfig mamba_of(const Json& config, const std::string& where) {
  const auto size = [&](const char* key) { return size_member(config, key, kMost, where); };
  MambaConfig mamba{size("mamba_num_heads"), size("mamba_head_dim"), size("n_groups"),
                    size("ssm_state_size"), size("conv_kernel")};
  require(mamba.heads % mamba.groups == 0, ErrorCode::Format,
          "{}: {} heads are no multiple of {} groups", where, mamba.heads, mamba.groups);
  // [least, largest]; infinity is an object, which JSON has no number for.
  const auto limits = json_get_or<std::vector<Json>>(config, "time_step_limit", {}, where);
  if (!limits.empty() && limits[0].is_number()) mamba.least_step = limits[0].get<double>();
  if (limits.size() > 1 && limits[1].is_number()) mamba.largest_step = limits[1].get<double>();
  return mamba;
}

void set_mamba(BlockConfig& block, const Json& config, int64_t hidden, const std::string& where) {
  const MambaConfig mamba = mamba_of(config, where);
  const bool bias = json_get_or<bool>(config, "use_bias", false, where);
  const int64_t inner = mamba.heads * mamba.head_dim;
  block.mixer = Mixer::Mamba;
  block.mamba = mamba;
  block.linears = {{Role::Mixer, Stage::AttentionIn, "mixer.in_proj",
                    inner + mamba.channels() + mamba.heads, hidden, bias},
                   {Role::Output, Stage::AttentionOut, "mixer.out_proj", hidden, inner, bias}};
  block.sides[Side::Convolution] = {"mixer.conv1d.weight", {mamba.channels(), 1, mamba.kernel}};
  if (json_get_or<bool>(config, "use_conv_bias", true, where))
    block.sides[Side::ConvolutionBias] = {"mixer.conv1d.bias", {mamba.channels()}};
  block.sides[Side::StepBias] = {"mixer.dt_bias", {mamba.heads}};
  block.sides[Side::DecayLog] = {"mixer.A_log", {mamba.heads}};
  block.sides[Side::Skip] = {"mixer.D", {mamba.heads}};
  set_norm(block, Side::GatedNorm, "mixer.norm", inner);
}

void set_experts(BlockConfig& block, const Json& config, int64_t hidden, const std::string& where) {
  const bool bias = json_get_or<bool>(config, "mlp_bias", false, where);
  const auto size = [&](const char* key) { return size_member(config, key, kMost, where); };
  MixtureTraits traits{.router = read_router(config, "n_routed_experts", where),
                       .intermediate = size("moe_intermediate_size"),
                       .shared_intermediate = size("moe_shared_expert_intermediate_size"),
                       .latent = count_member(config, "moe_latent_size", 0, kMost, where),
                       .to_latent = "mixer.fc1_latent_proj",
                       .from_latent = "mixer.fc2_latent_proj",
                       .latent_bias = bias,
                       .mlp = {.module = "mixer.experts", .gate = nullptr},
                       .router_module = "mixer.gate",
                       .router_bias = "mixer.gate.e_score_correction_bias",
                       .shared_module = "mixer.shared_experts"};
  set_sigmoid_router(traits.router, config, where);
  set_mixture(block, hidden, traits);
  for (auto& linear : block.linears) linear.bias = bias && linear.reads == kSharedExpert;
}

class NemotronH final : public Architecture {
 public:
  using Options = NoOptions;
  explicit NemotronH(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    Json config = with_defaults(source, {{"head_dim", 128},
                                         {"num_key_value_heads", 8},
                                         {"mamba_num_heads", 128},
                                         {"mamba_head_dim", 64},
                                         {"ssm_state_size", 128},
                                         {"n_groups", 8},
                                         {"conv_kernel", 4},
                                         {"n_group", 1},
                                         {"topk_group", 1},
                                         {"routed_scaling_factor", 1.0},
                                         {"num_experts_per_tok", 2}});
    pass_over(config, where);
    const std::string kinds = kinds_of(config, where);
    config["num_hidden_layers"] = kinds.size();
    config["hidden_act"] = "relu2";
    ModelConfig model =
        configure_llama_like(config, where, {.eps_key = "layer_norm_epsilon", .eps = 1e-5});
    for (size_t layer = 0; layer < kinds.size(); ++layer)
      set_kind(model.blocks[layer], kinds[layer], config, model.hidden, where);
    model.layouts = {{"backbone.", "lm_head.weight", "norm_f.weight", "embeddings.weight"}};
    model.carried = {"mtp."};
    return model;
  }

 private:
  /// One norm and one part.
  static void set_kind(BlockConfig& block, char kind, const Json& config, int64_t hidden,
                       const std::string& where) {
    block.sides.clear();
    block.attention.rotates = false;
    if (kind == 'M' || kind == '*') {
      drop_mlp(block);
      block.intermediate = 0;
      set_norm(block, Side::AttentionNorm, "norm", hidden);
      for (auto& linear : block.linears) linear.module.replace(0, 9, "mixer");  // self_attn
      if (kind == 'M') set_mamba(block, config, hidden, where);
      return;
    }
    drop_attention(block);
    drop_mlp(block);
    block.mixer = Mixer::None;
    block.gated_mlp = false;
    set_norm(block, Side::MlpNorm, "norm", hidden);
    if (kind == 'E') return set_experts(block, config, hidden, where);
    set_mlp(block, hidden,
            {.module = "mixer",
             .gate = nullptr,
             .bias = json_get_or<bool>(config, "mlp_bias", false, where)});
  }
};

MPQ_REGISTER(Architecture, NemotronH, "nemotron_h", "Nemotron 3: Mamba2, attention, mixtures");

}  // namespace
}  // namespace mpq
