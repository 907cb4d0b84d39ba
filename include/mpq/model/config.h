#pragma once
// What distinguishes one decoder from another, resolved once from config.json by its architecture's
// file: a list of blocks, each with its own parts, and the two ends.
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "mpq/model/rope.h"

namespace mpq {

/// The four places of a block where linears read a common input, in the order of execution. In
/// between: attention, the residual addition and the MLP's activation. A stage is the default unit
/// of allocation (formats.md, fusion groups).
enum class Stage { AttentionIn, AttentionOut, MlpIn, MlpOut };
constexpr int kStages = 4;
/// "qkv", "o", "gate_up", "down": the unit's name within its block.
const char* stage_name(Stage stage);

/// What a linear computes; fused ones hold several along their output.
/// Mixer and MixerGate are a recurrent mixer's in the place of queries, keys and values.
enum class Role {
  Query,
  Key,
  Value,
  KeyValue,
  QueryKeyValue,
  Mixer,
  MixerGate,
  Output,
  Gate,
  Up,
  GateUp,
  Down
};

/// LinearInfo::reads of a linear that is no expert's: what its stage begins with, the same for the
/// expert that all tokens share, or a latent of queries, or of keys and values.
constexpr int64_t kDense = -1, kSharedExpert = -2, kQueryLatent = -3, kKeyLatent = -4;

struct LinearInfo {
  Role role = Role::Query;
  Stage stage = Stage::AttentionIn;
  std::string module;  // within the block, e.g. "self_attn.q_proj"
  int64_t out = 0;
  int64_t in = 0;
  bool bias = false;
  int64_t reads = kDense;  // which of its stage's inputs; from 0: those of that expert's tokens
};

/// A tensor of a block that is no linear: it is read in the wide dtype and never quantized.
enum class Side {
  AttentionNorm,
  AfterAttentionNorm,
  MlpNorm,
  AfterMlpNorm,
  QueryNorm,
  KeyNorm,
  Sinks,
  QueryLatent,
  QueryLatentBias,
  QueryLatentNorm,
  KeyLatent,  // with the key channels that are rotated
  KeyLatentBias,
  KeyLatentNorm,
  Router,
  RouterBias,
  RouterScale,  // the router reads the stream, normalised by this
  ExpertScale,  // of every expert's weight
  ExpertsIn,    // from the stream to what experts read, where that is narrower
  ExpertsInBias,
  ExpertsOut,  // and back
  ExpertsOutBias,
  SharedGate,
  SharedNorm,  // of what the shared expert reads, where it is not what experts read
  AfterSharedNorm,
  AfterExpertsNorm,
  Convolution,
  ConvolutionBias,
  DeltaGates,  // beta and step together
  DeltaBeta,
  DeltaStep,
  DecayLog,
  StepBias,
  GatedNorm,
  Skip,       // what of a head's values its output gets at once
  LayerScale  // of the block's output
};
struct SideTensor {
  std::string name;  // within the block, e.g. "input_layernorm.weight"
  std::vector<int64_t> shape;
};

enum class NormKind { Rms, RmsPlusOne, Layer };  // gemma multiplies by 1 + weight
struct NormConfig {
  NormKind kind = NormKind::Rms;
  double eps = 1e-6;
};

/// RMSNorm of queries and keys before rotation: of every head by itself, or of all heads together.
enum class HeadNorm { None, PerHead, FullWidth };

struct AttentionConfig {
  int64_t heads = 0, kv_heads = 0, head_dim = 0;
  int64_t value_dim = 0;  // of a head; 0: head_dim
  double scale = 1;       // of q k^T
  double softcap = 0;     // 0: none
  int64_t window = 0;     // positions a token sees, itself included; 0: all
  HeadNorm head_norm = HeadNorm::None;
  bool rotates = true;
  /// Queries grow by 1 + this * ln(1 + floor(position / original positions)) (Llama 4); 0: they do
  /// not.
  double query_growth = 0;
  bool normalises_values = false;  // every head by itself, without a weight
  bool values_are_keys = false;    // before their norm and rotation
  bool gated = false;              // queries come with a gate of the head's output, head by head
  RopeConfig rope;

  int64_t value_width() const { return value_dim > 0 ? value_dim : head_dim; }
};

/// Of latent attention (model/latent_attention.h).
struct LatentConfig {
  bool used = false;
  NormConfig norm;  // of the latents
};

/// What mixes tokens.
enum class Mixer { Attention, DeltaNet, ShortConvolution, Mamba, None };

/// Of a gated delta net (model/delta_net.h).
struct DeltaConfig {
  int64_t key_heads = 0, value_heads = 0, key_dim = 0, value_dim = 0;
  int64_t kernel = 0;    // taps of the convolution
  bool grouped = false;  // projections are fused, and stand by key head
};

/// Of Mamba2 (model/mamba.h).
struct MambaConfig {
  int64_t heads = 0, head_dim = 0;
  int64_t groups = 0, state = 0;  // heads of a group share keys and queries, of `state` channels
  int64_t kernel = 0;             // taps of the convolution
  double least_step = 0, largest_step = std::numeric_limits<double>::infinity();

  /// That are convolved: values, keys and queries.
  int64_t channels() const { return heads * head_dim + 2 * groups * state; }
};

enum class Activation { Silu, GeluTanh, ClampedSwiglu, SquaredRelu };

/// How a token chooses its experts, from the router's logits z.
struct RouterConfig {
  int64_t experts = 0, top_k = 0;      // no experts: a dense block
  bool sigmoid = false;                // scores are sigmoid(z), else softmax(z) over all experts
  bool renormalise = true;             // the chosen experts' scores sum to 1
  int64_t groups = 1, top_groups = 1;  // experts are chosen within the best groups
  double scale = 1;                    // of the chosen experts' weights
};

struct BlockConfig {
  NormConfig norm;
  Mixer mixer = Mixer::Attention;
  AttentionConfig attention;
  LatentConfig latent;
  DeltaConfig delta;
  MambaConfig mamba;
  int64_t intermediate = 0;  // of the MLP, or of one expert; 0: there is none
  bool gated_mlp = true;     // else of `up` alone
  Activation activation = Activation::Silu;
  double activation_limit = 7, activation_slope = 1.702;  // of ClampedSwiglu
  RouterConfig router;
  bool parallel = false;      // the MLP reads what attention reads
  double residual_scale = 1;  // of what attention and MLP add to the stream
  std::vector<LinearInfo> linears;
  std::map<Side, SideTensor> sides;

  bool has(Side side) const { return sides.count(side) != 0; }
  bool mixture() const { return router.experts > 0; }
  bool mixes() const { return mixer != Mixer::None; }
  bool has_mlp() const { return intermediate > 0; }
};

/// The linears of one stage.
std::vector<LinearInfo> linears_of(const BlockConfig& config, Stage stage);

struct TensorLayout {
  std::string prefix = "model.";  // of all tensors but the head
  std::string head = "lm_head.weight";
  std::string norm = "norm.weight";  // the last one, behind the prefix
  std::string embedding = "embed_tokens.weight";
};

struct ModelConfig {
  std::string model_type;
  /// Where tensors may stand: the first layout that a checkpoint fits is its own.
  std::vector<TensorLayout> layouts = {{}};
  /// Prefixes of tensors that no text model reads, as a vision tower's: they are carried through.
  std::vector<std::string> carried;
  /// How 3-dimensional tensors hold the experts: [expert, in, out] with gate and up in turn
  /// (gpt-oss), else [expert, out, in] with gate before up.
  bool experts_by_input = false;
  int64_t layers = 0, hidden = 0, vocab = 0;
  int64_t max_positions = 0;
  bool tied_embeddings = false;
  double embedding_scale = 1;
  double logits_scale = 1;
  double logits_softcap = 0;  // 0: none
  std::vector<BlockConfig> blocks;

  const BlockConfig& block(int64_t index) const { return blocks[static_cast<size_t>(index)]; }
  const TensorLayout& layout() const { return layouts.front(); }
  /// "model.layers.3."
  std::string block_prefix(int64_t block) const;
  /// Full name of a linear's module: "model.layers.3.self_attn.q_proj", and of its weight.
  std::string module_name(int64_t block, const LinearInfo& linear) const;
  std::string weight_name(int64_t block, const LinearInfo& linear) const;
  /// Weights in the linears of all blocks: what a budget in bits is counted over.
  int64_t quantizable_weights() const;
  /// The widest MLP, or expert, of any block.
  int64_t widest() const;
};

}  // namespace mpq
