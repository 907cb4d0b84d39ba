#pragma once
// One decoder block's weights, and its forward pass cut at the inputs of its linears.
#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <vector>

#include "mpq/model/batch.h"
#include "mpq/model/config.h"
#include "mpq/model/latent_attention.h"
#include "mpq/model/mixture.h"

namespace mpq {

/// The dtype of residual streams, norms and logits beside products in `compute`: float32 at least.
/// A loss is a small difference of large numbers: in bfloat16 it has a floor of 4e-5 nats.
at::ScalarType wide_dtype(at::ScalarType compute);

/// Weights of one block: linears and their biases in the compute dtype, other tensors in
/// wide_dtype(). Copies are cheap (tensors are shared), so a perturbed block is a copy with some
/// weights replaced.
struct DecoderBlock {
  int64_t index = 0;
  const BlockConfig* config = nullptr;  // the model's, which outlives its blocks
  std::vector<at::Tensor> weights;      // as BlockConfig::linears; [out, in]
  std::vector<at::Tensor> biases;       // undefined where there is none
  std::map<Side, at::Tensor> sides;     // as BlockConfig::sides

  /// Undefined where the block has none.
  at::Tensor side(Side which) const;
};

/// What a block keeps of the positions seen so far, for `count` sequences of equal length: keys and
/// values [count, kv_heads, capacity, their width]; of a recurrent mixer its state and the last
/// inputs of its convolution.
struct KvCache {
  at::Tensor keys, values;
  int64_t length = 0;
};
/// Of no position yet.
KvCache empty_cache(const BlockConfig& config, int64_t count, int64_t capacity,
                    const at::TensorOptions& options);

/// Between two stages: the residual stream and the input of the next stage's linears, [rows,
/// channels]. A parallel block carries two streams before its MLP, [rows, 2 * hidden]: what it
/// read, and that with attention's update.
struct StageState {
  at::Tensor residual;  // wide_dtype()
  at::Tensor input;     // the compute dtype; at MlpOut of a mixture by pair of token and expert;
                        // undefined where the block has no linears
  std::shared_ptr<const Routing> routing{};    // of a mixture, from enter_mlp() on
  at::Tensor shared_input{};                   // the shared expert's; undefined: `input`
  LatentInputs latents{};                      // of latent attention, at AttentionIn
  std::vector<at::Tensor>* outputs = nullptr;  // where each linear's output is noted, by linear
};

/// The rows of a stage's input that a linear of it reads, [rows, in].
at::Tensor input_of(const StageState& state, const LinearInfo& linear);
/// Which rows of the batch those are, int64, ascending; undefined: all.
at::Tensor rows_read(const StageState& state, const LinearInfo& linear);

/// The block's input becomes the state before Stage::AttentionIn. `hidden` [rows, hidden], in
/// wide_dtype().
StageState enter_block(const DecoderBlock& block, const at::Tensor& hidden);
/// The state before Stage::MlpIn, from the residual stream there.
StageState enter_mlp(const DecoderBlock& block, const at::Tensor& residual);
/// Runs the linears of `stage` and all that follows up to the next stage's input. After
/// Stage::MlpOut `residual` is the block's output and `input` is undefined. With a cache the rows
/// are the next positions of its sequences, which are one run.
void advance(const DecoderBlock& block, Stage stage, const std::vector<SequenceRun>& runs,
             StageState& state, KvCache* cache = nullptr);
/// How many rows each expert of a mixture was sent.
using ExpertRows = std::vector<int64_t>;
/// All stages: [rows, hidden] to [rows, hidden]. Adds to `expert_rows`, when given.
at::Tensor forward_block(const DecoderBlock& block, const std::vector<SequenceRun>& runs,
                         const at::Tensor& hidden, KvCache* cache = nullptr,
                         ExpertRows* expert_rows = nullptr);

/// Multiply-adds of a block's linears for one token, from the linears of `first` on: advance()
/// counts them (core/progress.h). A token meets the experts that it chooses.
int64_t block_products(const BlockConfig& config, Stage first = Stage::AttentionIn);
/// Of one stage's linears.
int64_t stage_products(const BlockConfig& config, Stage stage);
/// Of all blocks from `first` on.
int64_t model_products(const ModelConfig& config, int64_t first = 0);

/// RMSNorm or LayerNorm over the last dimension, in wide_dtype(); x itself, widened, where `weight`
/// is undefined.
at::Tensor normalise(const at::Tensor& x, const at::Tensor& weight, const NormConfig& config);

}  // namespace mpq
