// One list for the Llama-like families, and one each for Phi-3 and Gemma 2.
#include "hyperparameters.h"

#include <cmath>

#include "mpq/core/error.h"

namespace mpq {
namespace {

class Keys {
 public:
  Keys(std::string architecture, const std::string& where)
      : architecture_(std::move(architecture)), where_(where) {}
  void whole(const char* key, int64_t value) {
    require(value >= 0 && value <= UINT32_MAX, ErrorCode::Format,
            "{}: GGUF's \"{}\" cannot hold {}", where_, key, value);
    add(key, static_cast<uint32_t>(value));
  }
  void real(const char* key, double value) { add(key, static_cast<float>(value)); }
  void text(const char* key, const std::string& value) { add(key, value); }
  void file_type(uint32_t value) { result.push_back({"general.file_type", value}); }

  GgufMetadata result;

 private:
  void add(const char* key, GgufValue value) {
    result.push_back({architecture_ + "." + key, std::move(value)});
  }
  std::string architecture_;
  const std::string& where_;
};

/// rope_parameters of transformers 5, or rope_scaling before; an object.
Json rope_settings(const Json& config) {
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    const auto found = config.find(key);
    if (found != config.end() && found->is_object()) return *found;
  }
  return Json::object();
}

void add_rope_scaling(Keys& keys, const RopeConfig& rope, const Json& settings,
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

/// Of the architectures that are written every block is alike, but for its window.
const BlockConfig& block_of(const ModelConfig& model) { return model.blocks.front(); }
const AttentionConfig& attention_of(const ModelConfig& model) { return block_of(model).attention; }

void add_llama_like(Keys& keys, const ModelConfig& model, const Json& config, uint32_t file_type,
                    const std::string& where) {
  keys.whole("block_count", model.layers);
  keys.whole("context_length", model.max_positions);
  keys.whole("embedding_length", model.hidden);
  keys.whole("feed_forward_length", block_of(model).intermediate);
  keys.whole("attention.head_count", attention_of(model).heads);
  keys.whole("attention.head_count_kv", attention_of(model).kv_heads);
  add_rope_scaling(keys, attention_of(model).rope, rope_settings(config), where);
  keys.real("rope.freq_base", attention_of(model).rope.theta);
  keys.real("attention.layer_norm_rms_epsilon", block_of(model).norm.eps);
  if (model.model_type != "qwen2" || config.contains("head_dim")) {
    keys.whole("attention.key_length", attention_of(model).head_dim);
    keys.whole("attention.value_length", attention_of(model).head_dim);
  }
  keys.file_type(file_type);
  if (model.model_type != "llama" && model.model_type != "mistral") return;
  keys.whole("vocab_size", model.vocab);
  keys.whole("rope.dimension_count", attention_of(model).head_dim);
}

void add_phi3(Keys& keys, const ModelConfig& model, const Json& config, uint32_t file_type,
              const std::string& where) {
  keys.whole("context_length", model.max_positions);
  keys.whole("rope.scaling.original_context_length",
             attention_of(model).rope.original_max_positions);
  keys.whole("embedding_length", model.hidden);
  keys.whole("feed_forward_length", block_of(model).intermediate);
  keys.whole("block_count", model.layers);
  keys.whole("attention.head_count", attention_of(model).heads);
  keys.whole("attention.head_count_kv", attention_of(model).kv_heads);
  keys.real("attention.layer_norm_rms_epsilon", block_of(model).norm.eps);
  keys.whole("rope.dimension_count", attention_of(model).rope.dim);
  keys.real("rope.freq_base", attention_of(model).rope.theta);
  keys.file_type(file_type);
  keys.whole("attention.sliding_window", json_get_or<int64_t>(config, "sliding_window", 0, where));
}

void add_gemma2(Keys& keys, const ModelConfig& model, const Json& config, uint32_t file_type,
                const std::string& where) {
  keys.whole("context_length", model.max_positions);
  keys.whole("embedding_length", model.hidden);
  keys.whole("block_count", model.layers);
  keys.whole("feed_forward_length", block_of(model).intermediate);
  keys.whole("attention.head_count", attention_of(model).heads);
  keys.whole("attention.head_count_kv", attention_of(model).kv_heads);
  keys.real("attention.layer_norm_rms_epsilon", block_of(model).norm.eps);
  keys.whole("attention.key_length", attention_of(model).head_dim);
  keys.whole("attention.value_length", attention_of(model).head_dim);
  keys.file_type(file_type);
  keys.real("attn_logit_softcapping", attention_of(model).softcap);
  keys.real("final_logit_softcapping", model.logits_softcap);
  keys.whole("attention.sliding_window",
             json_get_or<int64_t>(config, "sliding_window", 4096, where));
}

}  // namespace

std::string gguf_architecture(const ModelConfig& model) {
  const std::string& type = model.model_type;
  if (type == "mistral") return "llama";
  for (const char* known : {"llama", "qwen2", "qwen3", "phi3", "gemma2"}) {
    if (type == known) return type;
  }
  fail(ErrorCode::Unsupported, "GGUF: no names are known for the model type \"{}\"", type);
}

GgufMetadata gguf_hyperparameters(const ModelConfig& model, const Json& config, uint32_t file_type,
                                  const std::string& where) {
  Keys keys(gguf_architecture(model), where);
  if (model.model_type == "phi3") {
    add_phi3(keys, model, config, file_type, where);
  } else if (model.model_type == "gemma2") {
    add_gemma2(keys, model, config, file_type, where);
  } else {
    add_llama_like(keys, model, config, file_type, where);
  }
  return std::move(keys.result);
}

}  // namespace mpq
