// The delta rule in chunks: within one, a triangular system; between them, the state.
#include "mpq/model/delta_net.h"

#include <ATen/ATen.h>

#include "mpq/model/by_run.h"
#include "mpq/model/recurrence.h"

namespace mpq {
namespace {

/// [count, heads, length, ...], float32; `decay` and `beta` [count, heads, length].
struct Sequences {
  at::Tensor query, key, value, decay, beta;
};

at::Tensor unit_length(const at::Tensor& x) {
  return x * at::rsqrt(x.square().sum(-1, true) + 1e-6);
}

/// One chunk's output; the state [count, heads, key_dim, value_dim] becomes that behind it.
at::Tensor run_chunk(const Sequences& chunk, at::Tensor& state) {
  const ChunkDecay decay = chunk_decay(chunk.decay);
  const at::Tensor scaled = chunk.key * chunk.beta.unsqueeze(-1);
  // What a token writes depends on what those before it in the chunk wrote.
  const at::Tensor system =
      (at::matmul(scaled, chunk.key.transpose(-1, -2)) * decay.between).tril(-1) +
      at::eye(chunk.query.size(2), scaled.options());
  const auto solve = [&](const at::Tensor& right) {
    return at::linalg_solve_triangular(system, right, /*upper=*/false, /*left=*/true,
                                       /*unitriangular=*/true);
  };
  const at::Tensor written = solve(chunk.value * chunk.beta.unsqueeze(-1)) -
                             at::matmul(solve(scaled * decay.log.exp().unsqueeze(-1)), state);
  return read_chunk(decay, chunk.query, chunk.key, written, state);
}

/// The tensors of one run, in wide_dtype().
struct RunInput {
  at::Tensor channels, gate, beta, decay;
};

at::Tensor run_sequences(const DecoderBlock& block, const SequenceRun& run, const RunInput& input,
                         KvCache* cache) {
  const DeltaConfig& config = block.config->delta;
  const KvCache start =
      cache != nullptr ? *cache : delta_cache(config, run.count, input.channels.options());
  const auto by_time = [&](const at::Tensor& rows) {
    return rows.view({run.count, run.length, -1}).transpose(1, 2);
  };
  const at::Tensor mixed = at::silu(convolve(block, run, input.channels, start.values, cache));
  const int64_t keys = config.key_heads * config.key_dim;
  const auto heads = [&](int64_t first, int64_t count, int64_t dim) {
    return mixed.narrow(2, first, count * dim)
        .reshape({run.count, run.length, count, dim})
        .transpose(1, 2);
  };
  const int64_t repeats = config.value_heads / config.key_heads;
  const auto by_value_head = [&](const at::Tensor& x) {
    return unit_length(repeats == 1 ? x : x.repeat_interleave(repeats, 1));
  };
  const Sequences sequences{by_value_head(heads(0, config.key_heads, config.key_dim)) /
                                std::sqrt(static_cast<double>(config.key_dim)),
                            by_value_head(heads(keys, config.key_heads, config.key_dim)),
                            heads(2 * keys, config.value_heads, config.value_dim),
                            by_time(input.decay), by_time(input.beta)};
  at::Tensor state = start.keys.to(mixed.scalar_type());
  const auto& [query, key, value, decay, beta] = sequences;
  const at::Tensor output =
      in_chunks(run.length, [&](const TakePart& part) {
        return run_chunk({part(query), part(key), part(value), part(decay), part(beta)}, state);
      }).transpose(1, 2);
  if (cache != nullptr) cache->keys.copy_(state);
  const at::Tensor gate = input.gate.view({run.count, run.length, config.value_heads, -1});
  const at::Tensor normalised =
      normalise(output, block.side(Side::GatedNorm), {NormKind::Rms, block.config->norm.eps});
  return (normalised * at::silu(gate)).reshape({run.count * run.length, -1});
}

}  // namespace

at::Tensor delta_net(const DecoderBlock& block, const at::Tensor& channels, const at::Tensor& gate,
                     const at::Tensor& input, const std::vector<SequenceRun>& runs,
                     KvCache* cache) {
  const DeltaConfig& config = block.config->delta;
  const auto wide = wide_dtype(channels.scalar_type());
  const at::Tensor x = input.to(wide);
  at::Tensor beta, step;
  if (config.grouped) {  // both in one projection, by key head
    const int64_t each = config.value_heads / config.key_heads;
    const auto both =
        at::linear(x, block.side(Side::DeltaGates)).view({x.size(0), config.key_heads, 2, each});
    beta = both.select(2, 0).reshape({x.size(0), -1});
    step = both.select(2, 1).reshape({x.size(0), -1});
  } else {
    beta = at::linear(x, block.side(Side::DeltaBeta));
    step = at::linear(x, block.side(Side::DeltaStep));
  }
  const at::Tensor decay =
      -block.side(Side::DecayLog).exp() * at::softplus(step + block.side(Side::StepBias));
  const RunInput all{channels.to(wide), gate.to(wide), at::sigmoid(beta), decay};
  return by_run(runs, cache, [&](const SequenceRun& run, int64_t row) {
    const auto part = [&](const at::Tensor& tensor) {
      return tensor.narrow(0, row, run.count * run.length).contiguous();
    };
    return run_sequences(
        block, run, {part(all.channels), part(all.gate), part(all.beta), part(all.decay)}, cache);
  });
}

std::pair<at::Tensor, at::Tensor> split_by_key_head(const DeltaConfig& config,
                                                    const at::Tensor& fused) {
  const int64_t values = config.value_heads / config.key_heads * config.value_dim;
  const auto parts = at::split_with_sizes(fused.view({fused.size(0), config.key_heads, -1}),
                                          {config.key_dim, config.key_dim, values, values}, -1);
  const auto flat = [&](size_t i) { return parts[i].reshape({fused.size(0), -1}); };
  return {at::cat({flat(0), flat(1), flat(2)}, -1), flat(3)};
}

KvCache delta_cache(const DeltaConfig& config, int64_t count, const at::TensorOptions& options) {
  const int64_t channels =
      2 * config.key_heads * config.key_dim + config.value_heads * config.value_dim;
  return {at::zeros({count, config.value_heads, config.key_dim, config.value_dim},
                    options.dtype(at::kFloat)),
          at::zeros({count, channels, config.kernel - 1}, options), 0};
}

}  // namespace mpq
