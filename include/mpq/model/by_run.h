#pragma once
// Mixers see one run of sequences at a time.
#include <ATen/core/Tensor.h>

#include <functional>

#include "mpq/model/decoder_block.h"

namespace mpq {

/// The outputs of every run one after the other; `visit` makes those of the rows from `first_row`
/// on. Throws Error(Internal) where a cache is to serve more than one run.
at::Tensor by_run(
    const std::vector<SequenceRun>& runs, const KvCache* cache,
    const std::function<at::Tensor(const SequenceRun& run, int64_t first_row)>& visit);

}  // namespace mpq
