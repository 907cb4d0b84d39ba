// y = C * conv(B * x), every channel by itself.
#include "mpq/model/short_convolution.h"

#include <ATen/ATen.h>

#include "mpq/model/by_run.h"
#include "mpq/model/recurrence.h"

namespace mpq {

at::Tensor short_convolution(const DecoderBlock& block, const at::Tensor& projected,
                             const std::vector<SequenceRun>& runs, KvCache* cache) {
  const auto parts = projected.to(wide_dtype(projected.scalar_type())).chunk(3, -1);
  const at::Tensor gated = parts[0] * parts[2];
  const at::Tensor mixed = by_run(runs, cache, [&](const SequenceRun& run, int64_t row) {
    const at::Tensor rows = gated.narrow(0, row, run.count * run.length);
    const KvCache start =
        cache != nullptr ? *cache : convolution_cache(*block.config, run.count, gated.options());
    return convolve(block, run, rows, start.values, cache).reshape_as(rows);
  });
  return parts[1] * mixed;
}

KvCache convolution_cache(const BlockConfig& config, int64_t count,
                          const at::TensorOptions& options) {
  const auto& kernel = config.sides.at(Side::Convolution).shape;
  return {at::zeros({count, 1}, options), at::zeros({count, kernel[0], kernel[2] - 1}, options), 0};
}

}  // namespace mpq
