// What a token writes is its value times its step.
#include "mpq/model/mamba.h"

#include <ATen/ATen.h>

#include "mpq/model/by_run.h"
#include "mpq/model/recurrence.h"

namespace mpq {
namespace {

/// One run's rows [rows, channels] of values, keys and queries, and of steps [rows, heads].
at::Tensor run_sequences(const DecoderBlock& block, const SequenceRun& run,
                         const at::Tensor& channels, const at::Tensor& steps, KvCache* cache) {
  const MambaConfig& config = block.config->mamba;
  const KvCache start =
      cache != nullptr ? *cache : mamba_cache(config, run.count, channels.options());
  const at::Tensor mixed = at::silu(convolve(block, run, channels, start.values, cache));
  const auto heads = [&](int64_t first, int64_t count, int64_t dim) {
    return mixed.narrow(2, first, count * dim)
        .reshape({run.count, run.length, count, dim})
        .transpose(1, 2)
        .repeat_interleave(config.heads / count, 1);
  };
  const int64_t inner = config.heads * config.head_dim;
  const at::Tensor value = heads(0, config.heads, config.head_dim);
  const at::Tensor step = steps.reshape({run.count, run.length, config.heads}).transpose(1, 2);
  const at::Tensor key = heads(inner, config.groups, config.state);
  const at::Tensor query = heads(inner + config.groups * config.state, config.groups, config.state);
  const at::Tensor written = value * step.unsqueeze(-1);
  const at::Tensor decay = -step * block.side(Side::DecayLog).exp().unsqueeze(-1);
  at::Tensor state = start.keys.to(mixed.scalar_type());
  const at::Tensor read = in_chunks(run.length, [&](const TakePart& part) {
    return read_chunk(chunk_decay(part(decay)), part(query), part(key), part(written), state);
  });
  if (cache != nullptr) cache->keys.copy_(state);
  const at::Tensor output = read + value * block.side(Side::Skip).view({-1, 1, 1});
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
