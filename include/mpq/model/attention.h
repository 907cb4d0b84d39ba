#pragma once
// Causal grouped-query attention over runs of equal-length sequences.
#include "mpq/model/decoder_block.h"

namespace mpq {

/// `query` [rows, heads * head_dim], `key` and `value` [rows, kv_heads * head_dim], before
/// normalisation and rotation. Returns [rows, heads * head_dim]. Sequences never see one another.
at::Tensor attend(const DecoderBlock& block, const at::Tensor& query, const at::Tensor& key,
                  const at::Tensor& value, const std::vector<SequenceRun>& runs, KvCache* cache);

}  // namespace mpq
