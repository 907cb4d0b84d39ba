#pragma once
// Architectures: one file per model_type turns config.json into a ModelConfig.
#include "mpq/core/json_reads.h"
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

/// What another architecture makes of `config`: of a nested language model, or of an elder family
/// that a younger one changes parts of. Throws as read_model_config().
ModelConfig configure_as(const std::string& type, const Json& config, const std::string& where);

/// The same for a whole configuration. Throws Error(Unsupported) also on members that are set,
/// that the architecture does not know and that may change what the model computes, Error(Format)
/// on more weights than 64 bits count.
ModelConfig configure_whole(const std::string& type, const Json& config, const std::string& where);

/// What no model comes near, so that nothing absurd is allocated: layers, and channels of a stream,
/// of an MLP or of an expert.
constexpr int64_t kMaxLayers = 10'000, kMaxWidth = int64_t{1} << 24;
/// A positive member below `limit`. Throws Error(Format).
int64_t size_member(const Json& config, const char* key, int64_t limit, const std::string& where);
/// A member from 0 to `most`; `fallback` where it is absent or null. Throws Error(Format).
int64_t count_member(const Json& config, const char* key, int64_t fallback, int64_t most,
                     const std::string& where);

/// What nearly all decoders of the Llama family share: sizes, eps, rope, activation, unfused
/// linears with standard names. Every block is the same; an architecture then changes parts of it.
struct LlamaTraits {
  bool qkv_bias = false;
  bool output_bias = false;
  bool mlp_bias = false;
  const char* activation_key = "hidden_act";
  const char* eps_key = "rms_norm_eps";
  double eps = 1e-6;
  double rotary_share = 1;  // of a head's channels, where config.json does not say
  std::vector<std::string> layer_types{"full_attention", "sliding_attention"};  // that are known
};
ModelConfig configure_llama_like(const Json& config, const std::string& where,
                                 const LlamaTraits& traits);
/// Biases where `attention_bias` and `mlp_bias` say so.
LlamaTraits traits_with_biases(const Json& config, const std::string& where);
/// `layer_types`, of a kind each that is known: another one would be computed as one of these.
/// Empty: the architecture's rule.
std::vector<std::string> layer_types(const Json& config, int64_t layers,
                                     const std::vector<std::string>& known,
                                     const std::string& where);
/// A norm of `width` channels.
void set_norm(BlockConfig& block, Side side, const std::string& module, int64_t width);
/// self_attn.q_norm and k_norm, of every head or of all heads together.
void set_head_norms(BlockConfig& block, HeadNorm kind);
/// An MLP's linears.
struct MlpTraits {
  std::string module = "mlp";
  const char* gate = "gate_proj";  // null: there is none
  const char* up = "up_proj";
  const char* down = "down_proj";
  bool bias = false;
  int64_t reads = kDense;
};
/// Adds an MLP of block.intermediate channels.
void set_mlp(BlockConfig& block, int64_t hidden, const MlpTraits& traits);
/// gate_up_proj and down_proj in the MLP's place.
void set_fused_mlp(BlockConfig& block, int64_t hidden);
/// Takes the linears of the MLP, or of attention, away.
void drop_mlp(BlockConfig& block);
void drop_attention(BlockConfig& block);
/// Attention and MLP read the stream as it is, and norms come behind them (OLMo 2).
void move_norms_behind(BlockConfig& block, int64_t hidden);
/// Norms before and behind both (Gemma 2).
void set_sandwich_norms(BlockConfig& block, int64_t hidden);

/// A mixture of experts; `mlp.module` is the list of experts.
struct MixtureTraits {
  RouterConfig router;
  int64_t intermediate = 0;         // of one expert
  int64_t shared_intermediate = 0;  // 0: none is shared
  int64_t latent = 0;               // channels that experts read and put out; 0: the stream's
  std::string to_latent{}, from_latent{};  // modules between the stream and those
  bool latent_bias = false;
  MlpTraits mlp{.module = "mlp.experts"};
  std::string router_module = "mlp.gate";
  std::string router_bias{};  // tensors' names; empty: there is none
  std::string shared_gate{};
  std::string shared_module = "mlp.shared_expert";
};
/// A mixture in the MLP's place.
void set_mixture(BlockConfig& block, int64_t hidden, const MixtureTraits& traits);
/// The number of experts, how many a token chooses, `norm_topk_prob`.
RouterConfig read_router(const Json& config, const char* experts_key, const std::string& where);
/// DeepSeek-V3's scores, within the best of `n_group` groups, times `routed_scaling_factor`.
void set_sigmoid_router(RouterConfig& router, const Json& config, const std::string& where);
/// DeepSeek-V3's mixtures in the layers from `dense` on, with an expert of all tokens; blocks that
/// predict further tokens are carried through. `dense` is what "first_k_dense_replace" says.
void set_deepseek_mixture(ModelConfig& model, const Json& config, int64_t dense,
                          const std::string& where);
/// DeepSeek-V3's attention and mixtures; `config` has all their sizes.
ModelConfig configure_latent_mixture(Json config, int64_t dense, const std::string& where);
/// Qwen's mixtures, in the layers that `mlp_only_layers` and `decoder_sparse_step` leave; `shared`:
/// with an expert of all tokens, behind a gate.
void set_qwen_mixture(ModelConfig& model, const Json& config, bool shared,
                      const std::string& where);

/// Qwen3-Next's and Qwen3.5's blocks: gated delta nets, attention with a gate in every fourth.
/// `fused`: whether the delta net's projections stand together, by key head.
ModelConfig configure_qwen_hybrid(const Json& config, const std::string& where, bool fused);

/// `config` with the members that it lacks: a configuration class's defaults.
Json with_defaults(Json config, const Json& defaults);
/// `config` with the rope settings of one layer type, where each has its own.
Json with_rope_of(Json config, const char* layer_type);

/// The language model of a checkpoint that reads images too: the architecture of its `text_config`,
/// `fallback` where that does not say, under each of the names that such checkpoints have. Other
/// tensors are carried through.
ModelConfig configure_text_part(const Json& config, const std::string& where,
                                const std::string& fallback);

/// `layer_types` when present ("sliding_attention" or "full_attention"), else windows where
/// `sliding(layer)`.
void set_windows(ModelConfig& model, const Json& config, int64_t window,
                 const std::function<bool(int64_t)>& sliding, const std::string& where);

/// Qwen's rule: with `use_sliding_window`, layers from `max_window_layers` on have a window.
void set_upper_windows(ModelConfig& model, const Json& config, const std::string& where);

}  // namespace mpq
