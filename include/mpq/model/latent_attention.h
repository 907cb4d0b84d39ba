#pragma once
// Multi-head latent attention (DeepSeek-V2): queries, keys and values are made of narrow latents.
#include <ATen/core/Tensor.h>

#include <array>

namespace mpq {

struct DecoderBlock;
struct BlockConfig;

/// What the linears of latent attention read, and the key channels that all heads share.
struct LatentInputs {
  at::Tensor query;     // [rows, latent], the compute dtype; undefined where queries are made whole
  at::Tensor key;       // [rows, latent], the compute dtype: of keys and values
  at::Tensor position;  // [rows, rotated], wide_dtype(): before rotation
};

/// From what the block's first norm puts out, in wide_dtype().
LatentInputs latent_inputs(const DecoderBlock& block, const at::Tensor& input);

/// Queries, keys and values, by head side by side, from what the linears make of the latents. The
/// rotated channels come first in every head of queries and keys.
std::array<at::Tensor, 3> heads_of_latents(const BlockConfig& config, const at::Tensor& queries,
                                           const at::Tensor& keys_values,
                                           const at::Tensor& position);

}  // namespace mpq
