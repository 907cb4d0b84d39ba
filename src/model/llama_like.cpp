// The configuration that the decoders of the Llama family share.
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "mpq/core/log.h"
#include "mpq/model/architecture.h"
#include "mpq/model/config_members.h"

namespace mpq {
namespace {

Activation activation_of(const std::string& name, const std::string& where) {
  if (name == "silu" || name == "swish") return Activation::Silu;
  if (name == "gelu_pytorch_tanh" || name == "gelu_tanh") return Activation::GeluTanh;
  if (name == "relu2") return Activation::SquaredRelu;
  fail(ErrorCode::Unsupported,
       "{}: activation \"{}\" is not supported; supported: silu, gelu_pytorch_tanh, relu2", where,
       name);
}

constexpr int64_t kMaxVocabulary = int64_t{1} << 31;
constexpr int64_t kMaxHeads = 65'536;

/// Channels of a head that are rotated: a share of them in some models.
int64_t rotary_channels(const Json& config, int64_t head_dim, const LlamaTraits& traits,
                        const std::string& where) {
  const auto rope = json_get_or<Json>(config, "rope_parameters", Json::object(), where);
  const auto share = json_get_or<double>(
      config, "partial_rotary_factor",
      json_get_or<double>(rope, "partial_rotary_factor", traits.rotary_share, where), where);
  require(share > 0 && share <= 1, ErrorCode::Format,
          "{}: \"partial_rotary_factor\" is {}, expected above 0, at most 1", where, share);
  const bool all_turn = json_get_or<std::string>(rope, "rope_type", "", where) == "proportional";
  if (all_turn) return head_dim;  // the share is of the angles
  return static_cast<int64_t>(std::floor(static_cast<double>(head_dim) * share));
}

/// Sizes that are sensible each may not be so together: bytes and bits of all weights are counted
/// in 64 bits.
void check_weights(const ModelConfig& model, const std::string& where) {
  constexpr double kMost = 1e17;
  double weights = static_cast<double>(model.vocab) * static_cast<double>(model.hidden);
  for (const auto& block : model.blocks) {
    for (const auto& linear : block.linears)
      weights += static_cast<double>(linear.out) * static_cast<double>(linear.in);
  }
  require(weights <= kMost, ErrorCode::Format,
          "{}: its sizes make {:.3g} weights, expected at most {:.3g}", where, weights, kMost);
}

}  // namespace

int64_t size_member(const Json& config, const char* key, int64_t limit, const std::string& where) {
  const auto value = json_get<int64_t>(config, key, where);
  require(value > 0 && value < limit, ErrorCode::Format,
          "{}: \"{}\" is {}, expected a positive size below {}", where, key, value, limit);
  return value;
}

int64_t count_member(const Json& config, const char* key, int64_t fallback, int64_t most,
                     const std::string& where) {
  const auto value = json_get_or<int64_t>(config, key, fallback, where);
  require(value >= 0 && value <= most, ErrorCode::Format, "{}: \"{}\": expected 0 to {}, found {}",
          where, key, most, value);
  return value;
}

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

Json with_defaults(Json config, const Json& defaults) {
  for (const auto& [key, value] : defaults.items()) {
    JsonReads::note(key);
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
  JsonReads::note("sliding_window");
  if (!json_get_or<bool>(config, "use_sliding_window", false, where)) return;
  const auto first = json_get_or<int64_t>(config, "max_window_layers", 28, where);
  const auto window = json_get_or<int64_t>(config, "sliding_window", 4096, where);
  set_windows(
      model, config, window, [first](int64_t layer) { return layer >= first; }, where);
}

LlamaTraits traits_with_biases(const Json& config, const std::string& where) {
  const bool attention = json_get_or<bool>(config, "attention_bias", false, where);
  return {.qkv_bias = attention,
          .output_bias = attention,
          .mlp_bias = json_get_or<bool>(config, "mlp_bias", false, where)};
}

ModelConfig configure_as(const std::string& type, const Json& config, const std::string& where) {
  return Registry<Architecture>::instance().make(Spec{type, {}})->configure(config, where);
}

ModelConfig configure_whole(const std::string& type, const Json& config, const std::string& where) {
  if (!Registry<Architecture>::instance().contains(type))
    fail(ErrorCode::Unsupported, "{}: model_type \"{}\" is not supported{}", where, type,
         nearest_family(type, config));
  const JsonReads reads;
  ModelConfig model = configure_as(type, config, where);
  check_weights(model, where);
  const auto [features, others] = unread_members(config, reads);
  require(features.empty(), ErrorCode::Unsupported,
          "{}: mpq does not know what {} changes in a {}; if it changes nothing, remove it", where,
          fmt::join(features, ", "), type);
  if (!others.empty())
    log_info("{}: mpq does not know {}, and takes it to change nothing", where,
             fmt::join(others, ", "));
  return model;
}

ModelConfig read_model_config(const std::string& folder) {
  const std::string path = folder + "/config.json";
  const Json config = read_json_file(path);
  const auto type = json_get<std::string>(config, "model_type", path);
  ModelConfig model = configure_whole(type, config, path);
  model.model_type = type;
  return model;
}

}  // namespace mpq
