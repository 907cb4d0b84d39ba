// What may stand in any config.json without a change of what the model computes.
#include "mpq/model/config_members.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "mpq/core/error.h"
#include "mpq/core/suggest.h"
#include "mpq/model/architecture.h"

namespace mpq {
namespace {

/// Where a checkpoint comes from, how it was trained, how text is generated, what is reported.
const std::set<std::string>& inert() {
  static const std::set<std::string> kNames = {
      // of every transformers configuration
      "architectures", "auto_map", "chunk_size_feed_forward", "dtype", "id2label", "label2id",
      "model_type", "problem_type", "quantization", "quantization_config", "return_dict",
      "tokenizer_class", "torch_dtype", "transformers_version", "use_cache", "attn_implementation",
      "cache_implementation", "is_llama_config", "transformers.js_config", "use_flash_attn",
      "num_logits_to_keep", "output_attentions", "output_hidden_states", "output_router_logits",
      // of training
      "aux_loss_alpha", "block_mlp_init_scale", "block_out_init_scale", "block_use_xavier_init",
      "conv_use_xavier_init", "ep_size", "initializer_range", "init_std", "pretraining_tp",
      "rescale_prenorm_residual", "finetuned", "seq_aux", "z_loss_coefficient",
      // of generation, which transformers 4 kept here
      "do_sample", "early_stopping", "length_penalty", "max_length", "max_new_tokens", "min_length",
      "num_beam_groups", "num_beams", "num_return_sequences", "repetition_penalty", "temperature",
      "top_k", "top_p", "typical_p",
      // said by other members too
      "block_dim", "block_norm_eps", "conv_dim", "conv_dim_out", "experts_per_token",
      "initial_context_length", "max_sequence_length", "model_max_length", "num_heads",
      "qk_head_dim", "vocab_size_per_layer_input",
      // of tensors that are carried through, and of states' dtypes
      "mamba_ssm_dtype", "num_nextn_predict_layers",
      // only with use_sliding_window
      "max_window_layers",
      // of positions in images, which text has alike on every axis
      "mrope_interleaved", "mrope_section"};
  return kNames;
}

/// What some say that is so in every model that mpq computes.
const std::map<std::string, Json>& granted() {
  static const std::map<std::string, Json> kValues = {
      {"activation", "swiglu"},    {"full_attn_mod", 1},        {"interpolate_factor", 1},
      {"attn_output_gate", true},  {"block_use_swiglu", true},  {"is_causal", true},
      {"is_decoder", true},        {"moe_layer_freq", 1},       {"output_gate_type", "swish"},
      {"scoring_func", "sigmoid"}, {"topk_method", "noaux_tc"}, {"use_pos_enc", true}};
  return kValues;
}

constexpr std::array<std::string_view, 3> kInertBeginnings = {"_", "unsloth", "mtp_"};
constexpr std::array<std::string_view, 8> kInertEnds = {"_token_id", "_token_ids",   "_token_index",
                                                        "_dropout",  "_pdrop",       "_loss_coef",
                                                        "_version",  "_dropout_prob"};

/// What names of members that change a computation have in them.
constexpr std::array<std::string_view, 30> kOfFeatures = {
    "alibi",  "attention", "attn",     "bias",    "clip", "conv",  "expert",   "gate",
    "head",   "interleav", "layer_ty", "logit",   "lora", "mamba", "moe",      "mlp",
    "multip", "norm",      "parallel", "posit",   "qk_",  "query", "residual", "rope",
    "rotary", "router",    "scal",     "softcap", "ssm",  "window"};

template <size_t kCount, class Holds>
bool any(const std::array<std::string_view, kCount>& parts, Holds holds) {
  return std::any_of(parts.begin(), parts.end(), holds);
}

bool changes_nothing(const std::string& name, const Json& value) {
  const bool off = value.is_null() || value == false || value == 0 || value == "" ||
                   ((value.is_array() || value.is_object()) && value.empty());
  if (off || inert().count(name) != 0) return true;
  const auto granted_value = granted().find(name);
  if (granted_value != granted().end()) return value == granted_value->second;
  return any(kInertBeginnings, [&](std::string_view part) { return name.starts_with(part); }) ||
         any(kInertEnds, [&](std::string_view part) { return name.ends_with(part); });
}

bool is_feature(const std::string& name) {
  return granted().count(name) != 0 ||
         any(kOfFeatures, [&](std::string_view part) { return name.find(part) != name.npos; });
}

/// `prefix`: of the rope settings; empty: the configuration itself.
void add_unread(const Json& object, const std::string& prefix, const JsonReads& reads,
                UnreadMembers& unread) {
  for (const auto& [name, value] : object.items()) {
    if (reads.has(name) || changes_nothing(name, value)) continue;
    auto& kind = !prefix.empty() || is_feature(name) ? unread.features : unread.others;
    kind.push_back(value.is_structured()
                       ? fmt::format("\"{}{}\"", prefix, name)
                       : fmt::format("\"{}{}\": {}", prefix, name, json_text(value)));
  }
}

/// What a family does not know of a configuration; nothing when it cannot be one of its own.
std::optional<std::vector<std::string>> differences(const std::string& family, const Json& config) {
  const JsonReads reads;
  try {
    Registry<Architecture>::instance().make(Spec{family, {}})->configure(config, "");
  } catch (const Error&) {
    return {};
  }
  auto [all, others] = unread_members(config, reads);
  all.insert(all.end(), others.begin(), others.end());
  return all;
}

}  // namespace

std::string nearest_family(const std::string& type, const Json& config) {
  if (config.contains("text_config")) {
    const auto inner = json_get_or<std::string>(config["text_config"], "model_type", "", "");
    if (Registry<Architecture>::instance().contains(inner))
      return fmt::format("; its language model, \"{}\", is", inner);
    return suggestion(type, Registry<Architecture>::instance().names());
  }
  auto families = Registry<Architecture>::instance().names();
  // Of families that know as much: the one of this name and more, then the plainest.
  const auto first = [&](const auto& holds) {
    std::stable_partition(families.begin(), families.end(), holds);
  };
  first([](const std::string& family) { return family == "llama"; });
  first([&](const std::string& family) { return type.starts_with(family); });
  std::string nearest;
  std::vector<std::string> unknown;
  for (const auto& family : families) {
    const auto own = differences(family, config);
    if (!own || (!nearest.empty() && own->size() >= unknown.size())) continue;
    nearest = family;
    unknown = *own;
  }
  if (nearest.empty()) return suggestion(type, families);
  const std::string differs = unknown.empty()
                                  ? "from which nothing in config.json differs"
                                  : fmt::format("which does not know {}", fmt::join(unknown, ", "));
  return fmt::format("; the nearest is \"{}\", {}", nearest, differs);
}

UnreadMembers unread_members(const Json& config, const JsonReads& reads) {
  UnreadMembers unread;
  if (!config.is_object() || config.contains("text_config")) return unread;
  add_unread(config, "", reads, unread);
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    const auto rope = config.find(key);
    if (rope == config.end() || !rope->is_object()) continue;
    const std::string prefix = std::string(key) + ".";
    const bool by_layer_type = std::any_of(rope->begin(), rope->end(),
                                           [](const Json& value) { return value.is_object(); });
    if (!by_layer_type) add_unread(*rope, prefix, reads, unread);
    for (const auto& [type, own] : rope->items()) {
      if (own.is_object()) add_unread(own, prefix + type + ".", reads, unread);
    }
  }
  return unread;
}

}  // namespace mpq
