// The configuration that the decoders of the Llama family share.
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "mpq/model/architecture.h"

namespace mpq {
namespace {

Activation activation_of(const std::string& name, const std::string& where) {
  if (name == "silu" || name == "swish") return Activation::Silu;
  if (name == "gelu_pytorch_tanh" || name == "gelu_tanh") return Activation::GeluTanh;
  fail(ErrorCode::Unsupported,
       "{}: activation \"{}\" is not supported; supported: silu, gelu_pytorch_tanh", where, name);
}

constexpr int64_t kMaxLayers = 10'000;
constexpr int64_t kMaxVocabulary = int64_t{1} << 31;
constexpr int64_t kMaxWidth = int64_t{1} << 24;
constexpr int64_t kMaxHeads = 65'536;
constexpr int64_t kMaxExperts = 65'536;

/// Sizes are bounded so that counts of all weights fit in 64 bits and nothing absurd is allocated.
int64_t size_member(const Json& config, const char* key, int64_t limit, const std::string& where) {
  const auto value = json_get<int64_t>(config, key, where);
  require(value > 0 && value < limit, ErrorCode::Format,
          "{}: \"{}\" is {}, expected a positive size below {}", where, key, value, limit);
  return value;
}

/// Channels of a head that are rotated: a share of them in some models.
int64_t rotary_channels(const Json& config, int64_t head_dim, const LlamaTraits& traits,
                        const std::string& where) {
  const auto rope = json_get_or<Json>(config, "rope_parameters", Json::object(), where);
  const auto share = json_get_or<double>(
      config, "partial_rotary_factor",
      json_get_or<double>(rope, "partial_rotary_factor", traits.rotary_share, where), where);
  require(share > 0 && share <= 1, ErrorCode::Format,
          "{}: \"partial_rotary_factor\" is {}, expected above 0, at most 1", where, share);
  return static_cast<int64_t>(std::floor(static_cast<double>(head_dim) * share));
}

}  // namespace

std::vector<std::string> layer_types(const Json& config, int64_t layers,
                                     const std::vector<std::string>& known,
                                     const std::string& where) {
  auto types = json_get_or<std::vector<std::string>>(config, "layer_types", {}, where);
  require(types.empty() || static_cast<int64_t>(types.size()) == layers, ErrorCode::Format,
          "{}: \"layer_types\" has {} entries, expected {}", where, types.size(), layers);
  for (const std::string& type : types)
    require(std::find(known.begin(), known.end(), type) != known.end(), ErrorCode::Unsupported,
            "{}: the layer type \"{}\" is not supported; supported: {}", where, type,
            fmt::join(known, ", "));
  return types;
}

ModelConfig configure_llama_like(const Json& config, const std::string& where,
                                 const LlamaTraits& traits) {
  ModelConfig model;
  model.layers = size_member(config, "num_hidden_layers", kMaxLayers, where);
  model.hidden = size_member(config, "hidden_size", kMaxWidth, where);
  model.vocab = size_member(config, "vocab_size", kMaxVocabulary, where);
  model.max_positions = json_get_or<int64_t>(config, "max_position_embeddings", 2048, where);
  model.tied_embeddings = json_get_or<bool>(config, "tie_word_embeddings", false, where);
  require(model.max_positions > 0, ErrorCode::Format,
          "{}: \"max_position_embeddings\" is {}, expected a positive number", where,
          model.max_positions);
  layer_types(config, model.layers, traits.layer_types, where);
  BlockConfig block;
  AttentionConfig& attention = block.attention;
  block.intermediate = size_member(config, "intermediate_size", kMaxWidth, where);
  attention.heads = size_member(config, "num_attention_heads", kMaxHeads, where);
  attention.kv_heads = json_get_or<int64_t>(config, "num_key_value_heads", attention.heads, where);
  attention.head_dim =
      json_get_or<int64_t>(config, "head_dim", model.hidden / attention.heads, where);
  require(attention.kv_heads > 0 && attention.heads % attention.kv_heads == 0 &&
              attention.head_dim > 0 && attention.head_dim < kMaxWidth / attention.heads,
          ErrorCode::Format,
          "{}: {} heads, {} key-value heads, head_dim {}: expected heads to be a multiple of "
          "key-value heads, and heads of a sensible size",
          where, attention.heads, attention.kv_heads, attention.head_dim);
  block.norm.eps = json_get_or<double>(config, traits.eps_key, traits.eps, where);
  require(block.norm.eps >= 0 && block.norm.eps < 1, ErrorCode::Format,
          "{}: \"{}\" is {}, expected a small number", where, traits.eps_key, block.norm.eps);
  block.activation =
      activation_of(json_get_or<std::string>(
                        config, traits.activation_key,
                        json_get_or<std::string>(config, "hidden_act", "silu", where), where),
                    where);
  attention.scale = 1.0 / std::sqrt(static_cast<double>(attention.head_dim));
  attention.rope =
      parse_rope(config, rotary_channels(config, attention.head_dim, traits, where), where);
  const int64_t query = attention.heads * attention.head_dim;
  const int64_t key = attention.kv_heads * attention.head_dim;
  block.linears = {
      {Role::Query, Stage::AttentionIn, "self_attn.q_proj", query, model.hidden, traits.qkv_bias},
      {Role::Key, Stage::AttentionIn, "self_attn.k_proj", key, model.hidden, traits.qkv_bias},
      {Role::Value, Stage::AttentionIn, "self_attn.v_proj", key, model.hidden, traits.qkv_bias},
      {Role::Output, Stage::AttentionOut, "self_attn.o_proj", model.hidden, query,
       traits.output_bias}};
  set_norm(block, Side::AttentionNorm, "input_layernorm", model.hidden);
  set_norm(block, Side::MlpNorm, "post_attention_layernorm", model.hidden);
  set_mlp(block, model.hidden, {.bias = traits.mlp_bias});
  model.blocks.assign(static_cast<size_t>(model.layers), block);
  return model;
}

void set_norm(BlockConfig& block, Side side, const std::string& module, int64_t width) {
  block.sides[side] = {module + ".weight", {width}};
}

void set_mlp(BlockConfig& block, int64_t hidden, const MlpTraits& traits) {
  const auto add = [&](Role role, Stage stage, const char* name, int64_t out, int64_t in) {
    block.linears.push_back(
        {role, stage, traits.module + "." + name, out, in, traits.bias, traits.expert});
  };
  add(Role::Gate, Stage::MlpIn, traits.gate, block.intermediate, hidden);
  add(Role::Up, Stage::MlpIn, traits.up, block.intermediate, hidden);
  add(Role::Down, Stage::MlpOut, traits.down, hidden, block.intermediate);
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
  MlpTraits mlp = traits.mlp;
  if (traits.shared_intermediate > 0) {
    block.intermediate = traits.shared_intermediate;
    mlp.module = traits.shared_module;
    mlp.expert = kSharedExpert;
    set_mlp(block, hidden, mlp);
  }
  block.intermediate = traits.intermediate;
  for (mlp.expert = 0; mlp.expert < router.experts; ++mlp.expert) {
    mlp.module = fmt::format("{}.{}", traits.mlp.module, mlp.expert);
    set_mlp(block, hidden, mlp);
  }
}

RouterConfig read_router(const Json& config, const char* experts_key, const std::string& where) {
  RouterConfig router;
  // transformers 5 saves every family's number under one name.
  const bool renamed = !config.contains(experts_key) && config.contains("num_local_experts");
  router.experts =
      size_member(config, renamed ? "num_local_experts" : experts_key, kMaxExperts, where);
  router.top_k = size_member(config, "num_experts_per_tok", router.experts + 1, where);
  router.renormalise = json_get_or<bool>(config, "norm_topk_prob", true, where);
  return router;
}

void set_sigmoid_router(RouterConfig& router, const Json& config, const std::string& where) {
  router.sigmoid = true;
  router.scale = json_get<double>(config, "routed_scaling_factor", where);
  router.groups = json_get<int64_t>(config, "n_group", where);
  router.top_groups = json_get<int64_t>(config, "topk_group", where);
  require(router.groups > 0 && router.experts % router.groups == 0 && router.top_groups > 0 &&
              router.top_groups <= router.groups &&
              router.top_k <= router.experts / router.groups * router.top_groups,
          ErrorCode::Format, "{}: {} experts do not make {} groups, {} of which hold {} choices",
          where, router.experts, router.groups, router.top_groups, router.top_k);
}

bool has_experts(const Json& config, int64_t layer, const std::string& where) {
  const auto dense = json_get_or<std::vector<int64_t>>(config, "mlp_only_layers", {}, where);
  const auto step = json_get_or<int64_t>(config, "decoder_sparse_step", 1, where);
  require(step > 0, ErrorCode::Format, "{}: \"decoder_sparse_step\" is {}, expected 1 or more",
          where, step);
  return std::find(dense.begin(), dense.end(), layer) == dense.end() && (layer + 1) % step == 0;
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

Json with_defaults(Json config, const Json& defaults) {
  for (const auto& [key, value] : defaults.items()) {
    if (!config.contains(key) || config.at(key).is_null()) config[key] = value;
  }
  return config;
}

Json with_rope_of(Json config, const char* layer_type) {
  const auto rope = config.find("rope_parameters");
  if (rope == config.end() || !rope->is_object()) return config;
  const bool nested =
      std::any_of(rope->begin(), rope->end(), [](const Json& value) { return value.is_object(); });
  if (!nested) return config;
  const auto own = rope->find(layer_type);
  config["rope_parameters"] = own == rope->end() ? Json::object() : Json(*own);
  config.erase("rope_scaling");
  return config;
}

void set_fused_mlp(BlockConfig& block, int64_t hidden) {
  drop_mlp(block);
  block.linears.push_back(
      {Role::GateUp, Stage::MlpIn, "mlp.gate_up_proj", 2 * block.intermediate, hidden, false});
  block.linears.push_back(
      {Role::Down, Stage::MlpOut, "mlp.down_proj", hidden, block.intermediate, false});
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

void drop_mlp(BlockConfig& block) {
  std::erase_if(block.linears, [](const LinearInfo& linear) {
    return linear.stage == Stage::MlpIn || linear.stage == Stage::MlpOut;
  });
}

void set_windows(ModelConfig& model, const Json& config, int64_t window,
                 const std::function<bool(int64_t)>& sliding, const std::string& where) {
  const auto types = layer_types(config, model.layers, LlamaTraits{}.layer_types, where);
  require(window >= 0, ErrorCode::Format, "{}: \"sliding_window\" is {}, expected a positive size",
          where, window);
  for (int64_t layer = 0; layer < model.layers; ++layer) {
    const auto index = static_cast<size_t>(layer);
    const bool slides = types.empty() ? sliding(layer) : types[index] == "sliding_attention";
    model.blocks[index].attention.window = slides ? window : 0;
  }
}

void set_upper_windows(ModelConfig& model, const Json& config, const std::string& where) {
  if (!json_get_or<bool>(config, "use_sliding_window", false, where)) return;
  const auto first = json_get_or<int64_t>(config, "max_window_layers", 28, where);
  const auto window = json_get_or<int64_t>(config, "sliding_window", 4096, where);
  set_windows(
      model, config, window, [first](int64_t layer) { return layer >= first; }, where);
}

ModelConfig read_model_config(const std::string& folder) {
  const std::string path = folder + "/config.json";
  const Json config = read_json_file(path);
  const auto type = json_get<std::string>(config, "model_type", path);
  const auto& registry = Registry<Architecture>::instance();
  require(registry.contains(type), ErrorCode::Unsupported,
          "{}: model_type \"{}\" is not supported{}", path, type,
          registry.contains(type) ? "" : suggestion(type, registry.names()));
  ModelConfig model = registry.make(Spec{type, {}})->configure(config, path);
  model.model_type = type;
  return model;
}

}  // namespace mpq
