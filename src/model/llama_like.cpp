// The configuration that the decoders of the Llama family share.
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

/// Sizes are bounded so that counts of all weights fit in 64 bits and nothing absurd is allocated.
int64_t size_member(const Json& config, const char* key, int64_t limit, const std::string& where) {
  const auto value = json_get<int64_t>(config, key, where);
  require(value > 0 && value < limit, ErrorCode::Format,
          "{}: \"{}\" is {}, expected a positive size below {}", where, key, value, limit);
  return value;
}

/// The attention of each layer; empty: the architecture's rule. Checked for every architecture: a
/// kind of attention that is not known would be computed as another one.
std::vector<std::string> layer_types(const Json& config, int64_t layers, const std::string& where) {
  auto types = json_get_or<std::vector<std::string>>(config, "layer_types", {}, where);
  require(types.empty() || static_cast<int64_t>(types.size()) == layers, ErrorCode::Format,
          "{}: \"layer_types\" has {} entries, expected {}", where, types.size(), layers);
  for (const std::string& type : types) {
    if (type != "full_attention" && type != "sliding_attention")
      fail(ErrorCode::Unsupported,
           "{}: the layer type \"{}\" is not supported; supported: full_attention, "
           "sliding_attention",
           where, type);
  }
  return types;
}

/// Channels of a head that are rotated: a share of them in some models.
int64_t rotary_channels(const Json& config, int64_t head_dim, const std::string& where) {
  const auto rope = json_get_or<Json>(config, "rope_parameters", Json::object(), where);
  const auto share =
      json_get_or<double>(config, "partial_rotary_factor",
                          json_get_or<double>(rope, "partial_rotary_factor", 1.0, where), where);
  require(share > 0 && share <= 1, ErrorCode::Format,
          "{}: \"partial_rotary_factor\" is {}, expected above 0, at most 1", where, share);
  return static_cast<int64_t>(std::floor(static_cast<double>(head_dim) * share));
}

}  // namespace

ModelConfig configure_llama_like(const Json& config, const std::string& where,
                                 const LlamaTraits& traits) {
  ModelConfig model;
  model.layers = size_member(config, "num_hidden_layers", kMaxLayers, where);
  model.hidden = size_member(config, "hidden_size", kMaxWidth, where);
  model.intermediate = size_member(config, "intermediate_size", kMaxWidth, where);
  model.vocab = size_member(config, "vocab_size", kMaxVocabulary, where);
  model.heads = size_member(config, "num_attention_heads", kMaxHeads, where);
  model.kv_heads = json_get_or<int64_t>(config, "num_key_value_heads", model.heads, where);
  model.head_dim = json_get_or<int64_t>(config, "head_dim", model.hidden / model.heads, where);
  model.max_positions = json_get_or<int64_t>(config, "max_position_embeddings", 2048, where);
  require(model.kv_heads > 0 && model.heads % model.kv_heads == 0 && model.head_dim > 0 &&
              model.head_dim < kMaxWidth / model.heads,
          ErrorCode::Format,
          "{}: {} heads, {} key-value heads, head_dim {}: expected heads to be a multiple of "
          "key-value heads, and heads of a sensible size",
          where, model.heads, model.kv_heads, model.head_dim);
  require(model.max_positions > 0, ErrorCode::Format,
          "{}: \"max_position_embeddings\" is {}, expected a positive number", where,
          model.max_positions);
  layer_types(config, model.layers, where);
  model.norm_eps = json_get_or<double>(config, "rms_norm_eps", 1e-6, where);
  require(model.norm_eps >= 0 && model.norm_eps < 1, ErrorCode::Format,
          "{}: \"rms_norm_eps\" is {}, expected a small number", where, model.norm_eps);
  model.tied_embeddings = json_get_or<bool>(config, "tie_word_embeddings", false, where);
  model.activation =
      activation_of(json_get_or<std::string>(
                        config, traits.activation_key,
                        json_get_or<std::string>(config, "hidden_act", "silu", where), where),
                    where);
  model.attention_scale = 1.0 / std::sqrt(static_cast<double>(model.head_dim));
  model.windows.assign(static_cast<size_t>(model.layers), 0);
  model.rope = parse_rope(config, rotary_channels(config, model.head_dim, where), where);
  const int64_t query = model.heads * model.head_dim;
  const int64_t key = model.kv_heads * model.head_dim;
  model.linears = {
      {Role::Query, Stage::AttentionIn, "self_attn.q_proj", query, model.hidden, traits.qkv_bias},
      {Role::Key, Stage::AttentionIn, "self_attn.k_proj", key, model.hidden, traits.qkv_bias},
      {Role::Value, Stage::AttentionIn, "self_attn.v_proj", key, model.hidden, traits.qkv_bias},
      {Role::Output, Stage::AttentionOut, "self_attn.o_proj", model.hidden, query,
       traits.output_bias},
      {Role::Gate, Stage::MlpIn, "mlp.gate_proj", model.intermediate, model.hidden,
       traits.mlp_bias},
      {Role::Up, Stage::MlpIn, "mlp.up_proj", model.intermediate, model.hidden, traits.mlp_bias},
      {Role::Down, Stage::MlpOut, "mlp.down_proj", model.hidden, model.intermediate,
       traits.mlp_bias}};
  return model;
}

void set_windows(ModelConfig& model, const Json& config, int64_t window,
                 const std::function<bool(int64_t)>& sliding, const std::string& where) {
  const auto types = layer_types(config, model.layers, where);
  require(window >= 0, ErrorCode::Format, "{}: \"sliding_window\" is {}, expected a positive size",
          where, window);
  for (int64_t layer = 0; layer < model.layers; ++layer) {
    const auto index = static_cast<size_t>(layer);
    const bool slides = types.empty() ? sliding(layer) : types[index] == "sliding_attention";
    model.windows[index] = slides ? window : 0;
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
