// y = C * conv(B * x), every channel by itself.
#include "mpq/model/short_convolution.h"

#include <ATen/ATen.h>

#include "mpq/model/by_run.h"

namespace mpq {

at::Tensor short_convolution(const DecoderBlock& block, const at::Tensor& projected,
                             const std::vector<SequenceRun>& runs, KvCache* cache) {
  const at::Tensor kernel = block.side(Side::Convolution);
  const at::Tensor bias = block.side(Side::ConvolutionBias);
  const auto parts = projected.to(wide_dtype(projected.scalar_type())).chunk(3, -1);
  const at::Tensor gated = parts[0] * parts[2];
  const at::Tensor mixed = by_run(runs, cache, [&](const SequenceRun& run, int64_t row) {
    const int64_t rows = run.count * run.length;
    const at::Tensor by_time =
        gated.narrow(0, row, rows).reshape({run.count, run.length, gated.size(1)}).transpose(1, 2);
    const at::Tensor before =
        cache != nullptr ? cache->values.to(gated.scalar_type())
                         : convolution_cache(*block.config, run.count, gated.options()).values;
    const at::Tensor window = at::cat({before, by_time}, 2);
    if (cache != nullptr) {
      const int64_t taps = kernel.size(2) - 1;
      cache->values.copy_(window.narrow(2, window.size(2) - taps, taps));
      cache->length += run.length;
    }
    return at::conv1d(window, kernel, bias, {1}, at::IntArrayRef{0}, {1}, kernel.size(0))
        .transpose(1, 2)
        .reshape({rows, gated.size(1)});
  });
  return parts[1] * mixed;
}

KvCache convolution_cache(const BlockConfig& config, int64_t count,
                          const at::TensorOptions& options) {
  const auto& kernel = config.sides.at(Side::Convolution).shape;
  return {at::zeros({count, 1}, options), at::zeros({count, kernel[0], kernel[2] - 1}, options), 0};
}

}  // namespace mpq
