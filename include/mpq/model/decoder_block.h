#pragma once
// One decoder block's weights, and its forward pass cut at the inputs of its linears.
#include <ATen/core/Tensor.h>

#include <vector>

#include "mpq/model/batch.h"
#include "mpq/model/config.h"

namespace mpq {

/// The dtype of residual streams, norms and logits beside products in `compute`: float32 at least.
/// A loss is a small difference of large numbers: in bfloat16 it has a floor of 4e-5 nats.
at::ScalarType wide_dtype(at::ScalarType compute);

/// Weights of one block: linears and their biases in the compute dtype, norms in wide_dtype().
/// Copies are cheap (tensors are shared), so a perturbed
/// block is a copy with some weights replaced.
struct DecoderBlock {
  int64_t index = 0;
  std::vector<at::Tensor> weights;  // as ModelConfig::linears; [out, in]
  std::vector<at::Tensor> biases;   // undefined where there is none
  at::Tensor norm_attention, norm_mlp;
  at::Tensor norm_after_attention, norm_after_mlp;  // undefined where there is none
  at::Tensor query_norm, key_norm;
};

/// Keys and values of the positions seen so far, for `count` sequences of equal length.
struct KvCache {
  at::Tensor keys, values;  // [count, kv_heads, capacity, head_dim]
  int64_t length = 0;
};

/// Between two stages: the residual stream and the input of the next stage's linears, [rows,
/// channels].
struct StageState {
  at::Tensor residual;  // wide_dtype()
  at::Tensor input;     // the compute dtype
};

/// The block's input becomes the state before Stage::AttentionIn. `hidden` [rows, hidden], in
/// wide_dtype().
StageState enter_block(const ModelConfig& config, const DecoderBlock& block,
                       const at::Tensor& hidden);
/// The state before Stage::MlpIn, from the residual stream there.
StageState enter_mlp(const ModelConfig& config, const DecoderBlock& block,
                     const at::Tensor& residual);
/// Runs the linears of `stage` and all that follows up to the next stage's input. After
/// Stage::MlpOut `residual` is the block's output and `input` is undefined. With a cache the rows
/// are the next positions of its sequences, which are one run.
void advance(const ModelConfig& config, const DecoderBlock& block, Stage stage,
             const std::vector<SequenceRun>& runs, StageState& state, KvCache* cache = nullptr);
/// All stages: [rows, hidden] to [rows, hidden].
at::Tensor forward_block(const ModelConfig& config, const DecoderBlock& block,
                         const std::vector<SequenceRun>& runs, const at::Tensor& hidden,
                         KvCache* cache = nullptr);

/// Multiply-adds of a block's linears for one token, from the linears of `first` on: advance()
/// counts them (core/progress.h).
int64_t block_products(const ModelConfig& config, Stage first = Stage::AttentionIn);
/// Of one stage's linears.
int64_t stage_products(const ModelConfig& config, Stage stage);

/// RMSNorm over the last dimension, in wide_dtype().
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, const ModelConfig& config);

}  // namespace mpq
