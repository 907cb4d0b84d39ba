// The recurrence in chunks: within one, attention that decays; between them, the state.
#include "mpq/model/mamba.h"

#include <ATen/ATen.h>

#include "mpq/model/by_run.h"

namespace mpq {
namespace {

constexpr int64_t kChunk = 64;

/// [count, heads, length, ...], in wide_dtype(); `decay` [count, heads, length] is a logarithm.
struct Sequences {
  at::Tensor query, key, value, decay;
};

/// One chunk: its output, and the state [count, heads, state, head_dim] behind it.
std::pair<at::Tensor, at::Tensor> run_chunk(const Sequences& chunk, const at::Tensor& state) {
  const int64_t length = chunk.decay.size(2);
  const at::Tensor decay = chunk.decay.cumsum(-1);
  const at::Tensor since = (decay.unsqueeze(-1) - decay.unsqueeze(-2)).tril().exp().tril();
  const at::Tensor shares = at::matmul(chunk.query, chunk.key.transpose(-1, -2)) * since;
  const at::Tensor output =
      at::matmul(shares, chunk.value) + at::matmul(chunk.query * decay.exp().unsqueeze(-1), state);
  const at::Tensor last = decay.narrow(-1, length - 1, 1);
  const at::Tensor kept = chunk.key * (last - decay).exp().unsqueeze(-1);
  return {output,
          state * last.exp().unsqueeze(-1) + at::matmul(kept.transpose(-1, -2), chunk.value)};
}

/// Outputs [count, heads, length, head_dim]; the state becomes that behind the last token.
at::Tensor run_chunks(const Sequences& all, at::Tensor& state) {
  std::vector<at::Tensor> outputs;
  const int64_t length = all.decay.size(2);
  for (int64_t first = 0; first < length; first += kChunk) {
    const auto part = [&](const at::Tensor& tensor) {
      return tensor.narrow(2, first, std::min(kChunk, length - first));
    };
    auto [output, behind] =
        run_chunk({part(all.query), part(all.key), part(all.value), part(all.decay)}, state);
    outputs.push_back(output);
    state = behind;
  }
  return outputs.size() == 1 ? outputs.front() : at::cat(outputs, 2);
}

/// One run's rows [rows, channels] of values, keys and queries, and of steps [rows, heads].
at::Tensor run_sequences(const DecoderBlock& block, const SequenceRun& run,
                         const at::Tensor& channels, const at::Tensor& steps, KvCache* cache) {
  const MambaConfig& config = block.config->mamba;
  const at::Tensor kernel = block.side(Side::Convolution);
  const int64_t before = kernel.size(2) - 1;
  KvCache start = cache != nullptr ? *cache : mamba_cache(config, run.count, channels.options());
  const auto by_time = [&](const at::Tensor& rows) {
    return rows.reshape({run.count, run.length, -1}).transpose(1, 2);
  };
  const at::Tensor window =
      at::cat({start.values.to(channels.scalar_type()), by_time(channels)}, 2);
  const at::Tensor mixed = at::silu(at::conv1d(window, kernel, block.side(Side::ConvolutionBias),
                                               {1}, at::IntArrayRef{0}, {1}, kernel.size(0)))
                               .transpose(1, 2);
  const auto heads = [&](int64_t first, int64_t count, int64_t dim) {
    return mixed.narrow(2, first, count * dim)
        .reshape({run.count, run.length, count, dim})
        .transpose(1, 2)
        .repeat_interleave(config.heads / count, 1);
  };
  const int64_t inner = config.heads * config.head_dim;
  const at::Tensor value = heads(0, config.heads, config.head_dim);
  const at::Tensor step = by_time(steps);
  const Sequences sequences{
      heads(inner + config.groups * config.state, config.groups, config.state),
      heads(inner, config.groups, config.state), value * step.unsqueeze(-1),
      -step * block.side(Side::DecayLog).exp().unsqueeze(-1)};
  at::Tensor state = start.keys.to(mixed.scalar_type());
  const at::Tensor output =
      run_chunks(sequences, state) + value * block.side(Side::Skip).view({-1, 1, 1});
  if (cache != nullptr) {
    cache->keys.copy_(state);
    cache->values.copy_(window.narrow(2, window.size(2) - before, before));
    cache->length += run.length;
  }
  return output.transpose(1, 2).reshape({run.count * run.length, inner});
}

}  // namespace

at::Tensor mamba(const DecoderBlock& block, const at::Tensor& projected,
                 const std::vector<SequenceRun>& runs, KvCache* cache) {
  const MambaConfig& config = block.config->mamba;
  const int64_t inner = config.heads * config.head_dim;
  const auto parts = projected.to(wide_dtype(projected.scalar_type()))
                         .split_with_sizes({inner, config.channels(), config.heads}, 1);
  const at::Tensor steps = at::softplus(parts[2] + block.side(Side::StepBias))
                               .clamp(config.least_step, config.largest_step);
  const at::Tensor output = by_run(runs, cache, [&](const SequenceRun& run, int64_t row) {
    const int64_t rows = run.count * run.length;
    return run_sequences(block, run, parts[1].narrow(0, row, rows), steps.narrow(0, row, rows),
                         cache);
  });
  const at::Tensor gated = (output * at::silu(parts[0])).unflatten(1, {config.groups, -1});
  const NormConfig norm{NormKind::Rms, block.config->norm.eps};
  return normalise(gated, at::ones({}, gated.options()), norm).flatten(1) *
         block.side(Side::GatedNorm);
}

KvCache mamba_cache(const MambaConfig& config, int64_t count, const at::TensorOptions& options) {
  return {
      at::zeros({count, config.heads, config.state, config.head_dim}, options.dtype(at::kFloat)),
      at::zeros({count, config.channels(), config.kernel - 1}, options), 0};
}

}  // namespace mpq
