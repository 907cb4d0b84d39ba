// Latents in full precision, heads from the linears.
#include "mpq/model/latent_attention.h"

#include <ATen/ATen.h>

#include "mpq/model/decoder_block.h"

namespace mpq {

LatentInputs latent_inputs(const DecoderBlock& block, const at::Tensor& input) {
  const BlockConfig& config = *block.config;
  const auto compute = block.weights.front().scalar_type();
  const auto latent = [&](const at::Tensor& rows, Side norm) {
    return normalise(rows, block.side(norm), config.latent.norm).to(compute);
  };
  LatentInputs inputs;
  if (config.has(Side::QueryLatent)) {
    const auto query =
        at::linear(input, block.side(Side::QueryLatent), block.side(Side::QueryLatentBias));
    inputs.query = latent(query, Side::QueryLatentNorm);
  }
  const auto key = at::linear(input, block.side(Side::KeyLatent), block.side(Side::KeyLatentBias));
  const int64_t rotated = config.attention.rope.dim;
  inputs.key = latent(key.narrow(1, 0, key.size(1) - rotated), Side::KeyLatentNorm);
  inputs.position = key.narrow(1, key.size(1) - rotated, rotated);
  return inputs;
}

std::array<at::Tensor, 3> heads_of_latents(const BlockConfig& config, const at::Tensor& queries,
                                           const at::Tensor& keys_values,
                                           const at::Tensor& position) {
  const AttentionConfig& attention = config.attention;
  const int64_t rotated = attention.rope.dim, plain = attention.head_dim - rotated;
  const auto heads = [&](const at::Tensor& rows) {
    return rows.view({rows.size(0), attention.heads, -1});
  };
  const auto query = heads(queries).split_with_sizes({plain, rotated}, -1);
  const auto own = heads(keys_values).split_with_sizes({plain, attention.value_width()}, -1);
  const auto shared = position.to(keys_values.scalar_type())
                          .unsqueeze(1)
                          .expand({position.size(0), attention.heads, rotated});
  return {at::cat({query[1], query[0]}, -1).flatten(1), at::cat({shared, own[0]}, -1).flatten(1),
          own[1].flatten(1)};
}

}  // namespace mpq
