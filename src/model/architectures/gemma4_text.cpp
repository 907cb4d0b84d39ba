// Gemma 4 (31B, 26B-A4B): wider heads in full layers, normalised values, a mixture beside the MLP.
#include <cmath>

#include "mpq/core/error.h"
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

constexpr const char* kSliding = "sliding_attention";
constexpr const char* kFull = "full_attention";

/// What the small models have, and what attends to later tokens.
void refuse_others(const Json& config, const std::string& where) {
  const auto refuse = [&](bool present, const char* key, const char* what) {
    require(!present, ErrorCode::Unsupported, "{}: \"{}\": {} are not supported", where, key, what);
  };
  const bool said = config.contains("hidden_size_per_layer_input");
  refuse(!said || json_get_or<int64_t>(config, "hidden_size_per_layer_input", 0, where) > 0,
         "hidden_size_per_layer_input", "embeddings of every layer (Gemma 4 E2B and E4B)");
  refuse(json_get_or<int64_t>(config, "num_kv_shared_layers", 0, where) > 0, "num_kv_shared_layers",
         "keys and values of another layer (Gemma 4 E2B and E4B)");
  JsonReads::note("use_double_wide_mlp");  // of those layers
  refuse(json_get_or<std::string>(config, "use_bidirectional_attention", "", where) == "all",
         "use_bidirectional_attention", "tokens that see later ones");
}

std::vector<std::string> types_of(const Json& config, int64_t layers, const std::string& where) {
  auto types = layer_types(config, layers, {kFull, kSliding}, where);
  for (int64_t layer = 0; types.size() < static_cast<size_t>(layers); ++layer)
    types.push_back((layer + 1) % 6 != 0 ? kSliding : kFull);
  types.back() = kFull;
  return types;
}

/// The configuration of one layer as if it were alone.
Json layer_config(Json config, int64_t layer, const std::string& type, const std::string& where) {
  const auto own = json_get_or<Json>(config, "per_layer_config", Json(), where);
  if (own.is_object()) {
    const std::string index = std::to_string(layer);
    const auto changes = json_get_or<Json>(own, index.c_str(), Json::object(), where);
    require(changes.is_object(), ErrorCode::Format,
            "{}: \"per_layer_config\": \"{}\" is {}, expected an object", where, index,
            changes.type_name());
    config.update(changes);
  } else if (type == kFull) {
    config["head_dim"] = json_get_or<int64_t>(config, "global_head_dim", 512, where);
    const auto heads = json_get<int64_t>(config, "num_key_value_heads", where);
    const auto fewer = json_get_or<int64_t>(config, "num_global_key_value_heads", heads, where);
    if (json_get_or<bool>(config, "attention_k_eq_v", false, where))
      config["num_key_value_heads"] = fewer;
  }
  config.erase("layer_types");
  config["num_hidden_layers"] = 1;
  return with_rope_of(std::move(config), type.c_str());
}

/// Values are normalised keys in the full layers of some.
void share_keys(BlockConfig& block) {
  block.attention.values_are_keys = true;
  std::erase_if(block.linears, [](const LinearInfo& linear) { return linear.role == Role::Value; });
}

void set_mixture_beside_mlp(BlockConfig& block, const Json& config, int64_t hidden,
                            const std::string& where) {
  MixtureTraits traits{
      .router = read_router(config, "num_experts", where),
      .intermediate = size_member(config, "moe_intermediate_size", kMaxWidth, where),
      .shared_intermediate = block.intermediate,
      .mlp = {.module = "experts"},
      .router_module = "router.proj",
      .shared_module = "mlp"};
  set_mixture(block, hidden, traits);
  block.sides[Side::RouterScale] = {"router.scale", {hidden}};
  block.sides[Side::ExpertScale] = {"router.per_expert_scale", {traits.router.experts}};
  block.sides[Side::SharedNorm] = block.sides[Side::MlpNorm];
  set_norm(block, Side::MlpNorm, "pre_feedforward_layernorm_2", hidden);
  set_norm(block, Side::AfterSharedNorm, "post_feedforward_layernorm_1", hidden);
  set_norm(block, Side::AfterExpertsNorm, "post_feedforward_layernorm_2", hidden);
}

class Gemma4Text final : public Architecture {
 public:
  using Options = NoOptions;
  explicit Gemma4Text(const Options&) {}

  ModelConfig configure(const Json& source, const std::string& where) const override {
    refuse_others(source, where);
    Json config = with_defaults(source, {{"tie_word_embeddings", true},
                                         {"head_dim", 256},
                                         {"num_attention_heads", 8},
                                         {"num_key_value_heads", 4},
                                         {"sliding_window", 512},
                                         {"hidden_activation", "gelu_pytorch_tanh"},
                                         {"rope_parameters",
                                          {{kSliding, {{"rope_theta", 1e4}}},
                                           {kFull,
                                            {{"rope_type", "proportional"},
                                             {"partial_rotary_factor", 0.25},
                                             {"rope_theta", 1e6}}}}}});
    config["num_experts_per_tok"] = json_get_or<Json>(config, "top_k_experts", Json(), where);
    const bool bias = json_get_or<bool>(config, "attention_bias", false, where);
    const LlamaTraits traits{
        .qkv_bias = bias, .output_bias = bias, .activation_key = "hidden_activation"};
    ModelConfig model = configure_llama_like(with_rope_of(config, kSliding), where, traits);
    const auto types = types_of(config, model.layers, where);
    for (int64_t layer = 0; layer < model.layers; ++layer) {
      const auto index = static_cast<size_t>(layer);
      BlockConfig& block = model.blocks[index];
      block = configure_llama_like(layer_config(config, layer, types[index], where), where, traits)
                  .blocks.front();
      const bool full = types[index] == kFull;
      block.attention.scale = 1;
      block.attention.normalises_values = true;
      if (full && json_get_or<bool>(config, "attention_k_eq_v", false, where)) share_keys(block);
      if (!full) block.attention.window = size_member(config, "sliding_window", 1 << 30, where);
      set_head_norms(block, HeadNorm::PerHead);
      set_sandwich_norms(block, model.hidden);
      block.sides[Side::LayerScale] = {"layer_scalar", {1}};
      if (json_get_or<bool>(config, "enable_moe_block", false, where))
        set_mixture_beside_mlp(block, config, model.hidden, where);
    }
    model.embedding_scale = std::sqrt(static_cast<double>(model.hidden));
    model.logits_softcap = json_get_or<double>(config, "final_logit_softcapping", 0.0, where);
    return model;
  }
};

MPQ_REGISTER(Architecture, Gemma4Text, "gemma4_text", "Gemma 4: wide heads, mixtures");

}  // namespace
}  // namespace mpq
