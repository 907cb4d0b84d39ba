#pragma once
// Gated delta net: linear attention whose state forgets and corrects itself (Yang et al., 2024,
// arXiv 2412.06464), as Qwen3-Next and Qwen3.5 have it.
#include "mpq/model/decoder_block.h"

namespace mpq {

/// `channels` [rows, 2 * key_heads * key_dim + value_heads * value_dim]: queries, keys and values
/// before the convolution; `gate` [rows, value_heads * value_dim]; `input` [rows, hidden], what the
/// block's small projections read. Returns [rows, value_heads * value_dim]. Sequences never see one
/// another; a cache is that of delta_cache().
at::Tensor delta_net(const DecoderBlock& block, const at::Tensor& channels, const at::Tensor& gate,
                     const at::Tensor& input, const std::vector<SequenceRun>& runs, KvCache* cache);

/// The fused projection's output [rows, ...], which stands by key head, as channels and gate.
std::pair<at::Tensor, at::Tensor> split_by_key_head(const DeltaConfig& config,
                                                    const at::Tensor& fused);

/// The state of `count` sequences before their first token.
KvCache delta_cache(const DeltaConfig& config, int64_t count, const at::TensorOptions& options);

}  // namespace mpq
