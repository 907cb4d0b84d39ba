// Within a chunk: attention that decays; between chunks: the state.
#include "mpq/model/recurrence.h"

#include <ATen/ATen.h>

namespace mpq {
namespace {

constexpr int64_t kChunk = 64;

}  // namespace

at::Tensor convolve(const DecoderBlock& block, const SequenceRun& run, const at::Tensor& rows,
                    const at::Tensor& before, KvCache* cache) {
  const at::Tensor kernel = block.side(Side::Convolution);
  const at::Tensor by_time = rows.reshape({run.count, run.length, rows.size(1)}).transpose(1, 2);
  const at::Tensor window = at::cat({before.to(rows.scalar_type()), by_time}, 2);
  if (cache != nullptr) {
    const int64_t taps = kernel.size(2) - 1;
    cache->values.copy_(window.narrow(2, window.size(2) - taps, taps));
    cache->length += run.length;
  }
  return at::conv1d(window, kernel, block.side(Side::ConvolutionBias), {1}, at::IntArrayRef{0}, {1},
                    kernel.size(0))
      .transpose(1, 2);
}

at::Tensor in_chunks(int64_t length, const std::function<at::Tensor(const TakePart& part)>& run) {
  std::vector<at::Tensor> outputs;
  for (int64_t first = 0; first < length; first += kChunk) {
    outputs.push_back(run([&](const at::Tensor& whole) {
      return whole.narrow(2, first, std::min(kChunk, length - first));
    }));
  }
  return outputs.size() == 1 ? outputs.front() : at::cat(outputs, 2);
}

ChunkDecay chunk_decay(const at::Tensor& decay) {
  const at::Tensor log = decay.cumsum(-1);
  return {log, (log.unsqueeze(-1) - log.unsqueeze(-2)).tril().exp().tril()};
}

at::Tensor read_chunk(const ChunkDecay& decay, const at::Tensor& query, const at::Tensor& key,
                      const at::Tensor& written, at::Tensor& state) {
  const at::Tensor shares = at::matmul(query, key.transpose(-1, -2)) * decay.between;
  const at::Tensor output =
      at::matmul(query * decay.log.exp().unsqueeze(-1), state) + at::matmul(shares, written);
  const at::Tensor last = decay.log.narrow(-1, decay.log.size(-1) - 1, 1);
  const at::Tensor kept = key * (last - decay.log).exp().unsqueeze(-1);
  state = state * last.exp().unsqueeze(-1) + at::matmul(kept.transpose(-1, -2), written);
  return output;
}

}  // namespace mpq
