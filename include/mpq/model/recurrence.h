#pragma once
// What recurrent mixers share: a short convolution, and a state that decays (Dao and Gu 2024).
#include <ATen/core/Tensor.h>

#include <functional>

#include "mpq/model/decoder_block.h"

namespace mpq {

/// Causal convolution of every channel by itself with the block's kernel and bias: the rows
/// [count * length, channels] of one run to [count, length, channels]. `before` [count, channels,
/// taps - 1]: the inputs before them. A cache takes the last ones, and grows by the run's length.
at::Tensor convolve(const DecoderBlock& block, const SequenceRun& run, const at::Tensor& rows,
                    const at::Tensor& before, KvCache* cache);

/// A chunk's part of a tensor whose third dimension is time.
using TakePart = std::function<at::Tensor(const at::Tensor& whole)>;
/// The outputs of chunks of `length` positions one after the other, along the third dimension.
at::Tensor in_chunks(int64_t length, const std::function<at::Tensor(const TakePart& part)>& run);

/// How much is left of what was written.
struct ChunkDecay {
  at::Tensor log;      // [..., length]: since the chunk began, a logarithm
  at::Tensor between;  // [..., length, length]: of what the second wrote, for the first; lower
};
/// From every token's own decay [..., length], a logarithm.
ChunkDecay chunk_decay(const at::Tensor& decay);

/// What queries [..., length, key_dim] find, [..., length, value_dim], where each token wrote
/// `written` under its key; the state [..., key_dim, value_dim] becomes that behind the chunk.
at::Tensor read_chunk(const ChunkDecay& decay, const at::Tensor& query, const at::Tensor& key,
                      const at::Tensor& written, at::Tensor& state);

}  // namespace mpq
