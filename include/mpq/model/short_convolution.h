#pragma once
// LFM2's mixer: a short convolution over time between two gates.
#include "mpq/model/decoder_block.h"

namespace mpq {

/// `projected` [rows, 3 * hidden]: the gate before the convolution, the one behind it, and what is
/// convolved. Returns [rows, hidden]. Sequences never see one another; a cache is that of
/// convolution_cache().
at::Tensor short_convolution(const DecoderBlock& block, const at::Tensor& projected,
                             const std::vector<SequenceRun>& runs, KvCache* cache);

/// What `count` sequences carry before their first token.
KvCache convolution_cache(const BlockConfig& config, int64_t count,
                          const at::TensorOptions& options);

}  // namespace mpq
