#pragma once
// Mamba2's mixer: a state space of one decay a head (Dao and Gu 2024, "Transformers are SSMs").
#include "mpq/model/decoder_block.h"

namespace mpq {

/// `projected` [rows, 2 * inner + 2 * groups * state + heads]: gate, values, keys, queries (the
/// paper's z, x, B, C) and every head's step. Returns [rows, inner], in wide_dtype(). Sequences
/// never see one another; a cache is that of mamba_cache().
at::Tensor mamba(const DecoderBlock& block, const at::Tensor& projected,
                 const std::vector<SequenceRun>& runs, KvCache* cache);

/// What `count` sequences carry before their first token.
KvCache mamba_cache(const MambaConfig& config, int64_t count, const at::TensorOptions& options);

}  // namespace mpq
