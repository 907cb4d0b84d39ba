// The keys that nearly all families share, in the converter's order (conversion/base.py).
#include "hyperparameters.h"

#include <algorithm>

#include "mpq/core/error.h"

namespace mpq {
namespace {

/// With the members of a nested language model in the place of the outer ones, as the converter
/// reads it.
Json flattened(Json config) {
  const auto text = config.find("text_config");
  if (text == config.end() || !text->is_object()) return config;
  const Json inner = *text;
  config.update(inner);
  return config;
}

/// rope_parameters of transformers 5, or rope_scaling before; an object. Of several the one of
/// layers that see all positions.
Json rope_settings(const Json& config) {
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    const auto found = config.find(key);
    if (found == config.end() || !found->is_object()) continue;
    const auto full = found->find("full_attention");
    return full != found->end() && full->is_object() ? *full : *found;
  }
  return Json::object();
}

void add_rope_scaling(GgufKeys& keys, const RopeConfig& rope, const Json& settings,
                      const std::string& where) {
  const auto optional = [&](const char* key, const char* name) {
    if (settings.contains(name) && !settings[name].is_null())
      keys.real(key, json_get<double>(settings, name, where));
  };
  switch (rope.kind) {
    case RopeKind::Linear:
      keys.text("rope.scaling.type", "linear");
      keys.real("rope.scaling.factor", rope.factor);
      return;
    case RopeKind::Yarn:
      keys.text("rope.scaling.type", "yarn");
      keys.real("rope.scaling.factor", rope.factor);
      keys.whole("rope.scaling.original_context_length", rope.original_max_positions);
      optional("rope.scaling.yarn_attn_factor", "attention_factor");
      optional("rope.scaling.yarn_beta_fast", "beta_fast");
      optional("rope.scaling.yarn_beta_slow", "beta_slow");
      return;
    case RopeKind::LongRope:
      keys.text("rope.scaling.type", "longrope");
      return;
    case RopeKind::Default:
    case RopeKind::Dynamic:
    case RopeKind::Llama3:        // by the tensor rope_freqs
    case RopeKind::Proportional:  // refused (deviations.cpp)
      return;
  }
}

/// The attention of layers with a window, or without; the first layer's where there are none.
const AttentionConfig& attention_with(const ModelConfig& model, bool window) {
  const auto found = std::find_if(
      model.blocks.begin(), model.blocks.end(),
      [&](const BlockConfig& block) { return (block.attention.window > 0) == window; });
  return found == model.blocks.end() ? model.blocks.front().attention : found->attention;
}

void add_rope_keys(GgufKeys& keys, const GgufFamily& family, const FamilyModel& of) {
  const RopeConfig& rope = attention_with(of.model, false).rope;
  add_rope_scaling(keys, rope, rope_settings(of.config), of.where);
  keys.real("rope.freq_base", rope.theta);
  if (family.rope_of_windows)
    keys.real("rope.freq_base_swa", attention_with(of.model, true).rope.theta);
}

bool says_head_dim(const GgufFamily& family, const Json& config) {
  const auto found = config.find("head_dim");
  return family.head_dim == GgufFamily::HeadDim::Always ||
         (family.head_dim == GgufFamily::HeadDim::WhereSaid && found != config.end() &&
          !found->is_null());
}

void add_common_keys(GgufKeys& keys, const GgufFamily& family, const FamilyModel& of) {
  const BlockConfig& block = of.block();
  keys.whole("block_count", of.model.layers);
  keys.whole("context_length", of.model.max_positions);
  keys.whole("embedding_length", of.model.hidden);
  // Of a mixture that of a dense MLP, which no layer has.
  keys.whole("feed_forward_length",
             json_get_or<int64_t>(of.config, "intermediate_size", block.intermediate, of.where));
  keys.whole("attention.head_count", of.attention().heads);
  keys.whole("attention.head_count_kv", of.attention().kv_heads);
  add_rope_keys(keys, family, of);
  keys.real(block.norm.kind == NormKind::Layer ? "attention.layer_norm_epsilon"
                                               : "attention.layer_norm_rms_epsilon",
            block.norm.eps);
  if (block.mixture()) {
    keys.whole("expert_count", block.router.experts);
    keys.whole("expert_used_count", block.router.top_k);
  }
  if (says_head_dim(family, of.config)) {
    keys.whole("attention.key_length", of.attention().head_dim);
    keys.whole("attention.value_length", of.attention().head_dim);
  }
  keys.file_type(of.file_type);
  if (!family.of_llama) return;
  keys.whole("vocab_size", of.model.vocab);
  keys.whole("rope.dimension_count", of.attention().head_dim);
}

}  // namespace

GgufMetadata gguf_hyperparameters(const GgufFamily& family, const ModelConfig& model,
                                  const Json& config, uint32_t file_type,
                                  const std::string& where) {
  const Json members = flattened(config);
  const FamilyModel of{model, members, file_type, where};
  GgufKeys keys(family.architecture, where);
  if (!family.own_order) add_common_keys(keys, family, of);
  if (family.add_keys != nullptr) family.add_keys(keys, of);
  return std::move(keys.result);
}

}  // namespace mpq
