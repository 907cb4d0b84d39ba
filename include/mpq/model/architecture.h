#pragma once
// Architectures: one file per model_type turns config.json into a ModelConfig.
#include "mpq/core/registry.h"
#include "mpq/model/config.h"

namespace mpq {

/// To add one: a class in src/model/architectures/<model_type>.cpp that fills a ModelConfig,
/// registered under the model_type, and a golden checkpoint in tools/golden/make_architectures.py.
/// Roles and tensor names are decided here and nowhere else.
class Architecture {
 public:
  static constexpr const char* kKind = "architecture";
  Architecture() = default;
  virtual ~Architecture() = default;
  Architecture(const Architecture&) = delete;
  Architecture& operator=(const Architecture&) = delete;

  /// Throws Error(Format) naming `where` for missing or senseless members, Error(Unsupported) for a
  /// feature that is not implemented.
  virtual ModelConfig configure(const Json& config, const std::string& where) const = 0;
};

/// Reads FOLDER/config.json and lets its architecture configure. Throws also Error(Unsupported) on
/// an unknown model_type.
ModelConfig read_model_config(const std::string& folder);

/// What nearly all decoders of the Llama family share: sizes, eps, rope, activation, unfused
/// linears with standard names.
struct LlamaTraits {
  bool qkv_bias = false;
  bool output_bias = false;
  bool mlp_bias = false;
  const char* activation_key = "hidden_act";
};
ModelConfig configure_llama_like(const Json& config, const std::string& where,
                                 const LlamaTraits& traits);
/// `layer_types` when present ("sliding_attention" or "full_attention"), else windows where
/// `sliding(layer)`.
void set_windows(ModelConfig& model, const Json& config, int64_t window,
                 const std::function<bool(int64_t)>& sliding, const std::string& where);

/// Qwen's rule: with `use_sliding_window`, layers from `max_window_layers` on have a window.
void set_upper_windows(ModelConfig& model, const Json& config, const std::string& where);

}  // namespace mpq
