#pragma once
// What distinguishes one decoder from another, resolved once from config.json by its architecture's
// file.
#include <cstdint>
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
enum class Role { Query, Key, Value, QueryKeyValue, Output, Gate, Up, GateUp, Down };

struct LinearInfo {
  Role role = Role::Query;
  Stage stage = Stage::AttentionIn;
  std::string module;  // within the block, e.g. "self_attn.q_proj"
  int64_t out = 0;
  int64_t in = 0;
  bool bias = false;
};

enum class Activation { Silu, GeluTanh };

struct ModelConfig {
  std::string model_type;
  int64_t layers = 0, hidden = 0, intermediate = 0, vocab = 0;
  int64_t heads = 0, kv_heads = 0, head_dim = 0;
  int64_t max_positions = 0;
  double norm_eps = 1e-6;
  bool norm_plus_one = false;  // RMSNorm multiplies by 1 + weight (gemma)
  bool qk_norm = false;        // RMSNorm of every head's query and key (qwen3)
  bool tied_embeddings = false;
  Activation activation = Activation::Silu;
  double embedding_scale = 1;
  double attention_scale = 1;    // of q k^T
  double attention_softcap = 0;  // 0: none
  double logits_softcap = 0;
  std::vector<int64_t> windows;  // by layer: positions a token sees, itself included; 0: all
  RopeConfig rope;
  std::vector<LinearInfo> linears;
  // Norms by name within the block; empty: there is none.
  std::string norm_attention = "input_layernorm";
  std::string norm_mlp = "post_attention_layernorm";
  std::string norm_after_attention;
  std::string norm_after_mlp;

  /// "model.layers.3."
  std::string block_prefix(int64_t block) const;
  /// Full name of a linear's weight: "model.layers.3.self_attn.q_proj.weight".
  std::string weight_name(int64_t block, const LinearInfo& linear) const;
  /// Weights in the linears of all blocks: what a budget in bits is counted over.
  int64_t quantizable_weights() const;
};

}  // namespace mpq
