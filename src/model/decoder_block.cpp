// The forward pass of one block, stage by stage; the only implementation there is.
#include "mpq/model/decoder_block.h"

#include <ATen/ATen.h>

#include <cmath>

#include "mpq/core/error.h"
#include "mpq/core/progress.h"
#include "mpq/model/attention.h"
#include "mpq/model/delta_net.h"
#include "mpq/model/mamba.h"
#include "mpq/model/row_chunks.h"
#include "mpq/model/row_kernels.h"
#include "mpq/model/short_convolution.h"

namespace mpq {
namespace {

at::ScalarType compute_dtype(const DecoderBlock& block) {
  return block.weights.front().scalar_type();
}

/// Outputs of linears that read the same rows, side by side in the order of the configuration.
using Outputs = std::vector<at::Tensor>;

/// Runs a stage's linears: by LinearInfo::reads, those that no token chose left out.
std::map<int64_t, Outputs> run_linears(const DecoderBlock& block, Stage stage,
                                       const StageState& state) {
  const auto& linears = block.config->linears;
  std::map<int64_t, Outputs> outputs;
  if (state.outputs != nullptr) state.outputs->resize(linears.size());
  for (size_t i = 0; i < linears.size(); ++i) {
    if (linears[i].stage != stage) continue;
    const at::Tensor x = input_of(state, linears[i]);
    if (x.size(0) == 0) continue;
    auto& own = outputs[linears[i].reads];
    own.push_back(at::linear(x, block.weights[i], block.biases[i]));
    if (state.outputs != nullptr) (*state.outputs)[i] = own.back();
  }
  return outputs;
}

/// Splits fused outputs so that both layouts look alike.
Outputs split_outputs(const Outputs& outputs, at::IntArrayRef sizes) {
  return outputs.size() == sizes.size() ? outputs
                                        : at::split_with_sizes(outputs.front(), sizes, -1);
}

at::Tensor activate(const BlockConfig& config, const at::Tensor& gate, const at::Tensor& up) {
  switch (config.activation) {
    case Activation::Silu:
      return at::silu(gate) * up;
    case Activation::GeluTanh:
      return at::gelu(gate, "tanh") * up;
    case Activation::SquaredRelu:
      return at::relu(gate).square() * up;
    case Activation::ClampedSwiglu: {  // gpt-oss
      const double limit = config.activation_limit;
      const auto bounded = gate.clamp_max(limit);
      return bounded * at::sigmoid(bounded * config.activation_slope) *
             (up.clamp(-limit, limit) + 1);
    }
  }
  fail(ErrorCode::Internal, "unknown activation");
}

/// What tokens make of one another, in the compute dtype, from what the linears read and put out.
at::Tensor mix(const DecoderBlock& block, const std::map<int64_t, Outputs>& by_input,
               const StageState& state, const std::vector<SequenceRun>& runs, KvCache* cache) {
  const BlockConfig& config = *block.config;
  if (config.latent.used) {
    const auto& queries = by_input.at(state.latents.query.defined() ? kQueryLatent : kDense);
    const auto [query, key, value] = heads_of_latents(
        config, queries.front(), by_input.at(kKeyLatent).front(), state.latents.position);
    return attend(block, query, key, value, runs, cache);
  }
  const Outputs& outputs = by_input.at(kDense);
  if (config.mixer == Mixer::DeltaNet) {
    const auto [channels, gate] = outputs.size() == 1
                                      ? split_by_key_head(config.delta, outputs.front())
                                      : std::pair{outputs[0], outputs[1]};
    return delta_net(block, channels, gate, state.input, runs, cache).to(compute_dtype(block));
  }
  if (config.mixer == Mixer::Mamba)
    return mamba(block, outputs.front(), runs, cache).to(compute_dtype(block));
  if (config.mixer == Mixer::ShortConvolution)
    return short_convolution(block, outputs.front(), runs, cache).to(compute_dtype(block));
  const AttentionConfig& attention = config.attention;
  const int64_t queries = attention.heads * attention.head_dim;
  const int64_t keys = attention.kv_heads * attention.head_dim;
  const auto qkv =
      attention.values_are_keys
          ? Outputs{outputs[0], outputs[1], outputs[1]}
          : split_outputs(outputs, {attention.gated ? 2 * queries : queries, keys, keys});
  if (!attention.gated) return attend(block, qkv[0], qkv[1], qkv[2], runs, cache);
  const auto halves =
      qkv[0].view({qkv[0].size(0), attention.heads, 2 * attention.head_dim}).chunk(2, -1);
  const auto flat = [](const at::Tensor& half) { return half.flatten(1); };
  const auto attended = attend(block, flat(halves[0]), qkv[1], qkv[2], runs, cache);
  const auto gate = at::sigmoid(flat(halves[1]).to(wide_dtype(attended.scalar_type())));
  return (attended * gate).to(attended.scalar_type());
}

/// What gate and up make of a token, in the compute dtype.
at::Tensor gated(const DecoderBlock& block, const Outputs& outputs) {
  const BlockConfig& config = *block.config;
  const bool fused = config.gated_mlp && outputs.size() == 1;
  const int64_t width = outputs.front().size(1) / (fused ? 2 : 1);
  const auto halves = config.gated_mlp ? split_outputs(outputs, {width, width}) : outputs;
  const auto options = halves[0].options().dtype(compute_dtype(block));
  if (config.gated_mlp && config.activation == Activation::Silu &&
      takes_row_kernels(halves[0], at::kBFloat16))
    return silu_product(halves[0], halves[1]);
  return by_row_chunks(halves[0].size(0), width, options, [&](int64_t first, int64_t count) {
    const auto rows = halves[0].narrow(0, first, count);
    const auto wide = rows.to(wide_dtype(rows.scalar_type()));
    const auto up =
        config.gated_mlp ? halves[1].narrow(0, first, count) : at::ones({}, wide.options());
    return activate(config, wide, up);
  });
}

/// Of all experts, by pair, and of the shared one.
void mixture_inputs(const DecoderBlock& block, const std::map<int64_t, Outputs>& outputs,
                    StageState& state) {
  Outputs parts;
  for (const auto& [expert, own] : outputs) {
    const auto input = gated(block, own);
    if (expert == kSharedExpert) {
      state.shared_input = input;
    } else {
      parts.push_back(input);
    }
  }
  state.input = at::cat(parts, 0);
}

at::Tensor mixture_output(const DecoderBlock& block, const std::map<int64_t, Outputs>& outputs,
                          const StageState& state) {
  Outputs parts;
  at::Tensor shared;
  for (const auto& [expert, own] : outputs)
    expert == kSharedExpert ? void(shared = own.front()) : parts.push_back(own.front());
  const auto normalised = [&](const at::Tensor& sum, Side norm) {
    return normalise(sum, block.side(norm), block.config->norm);
  };
  auto sum = combine(*state.routing, at::cat(parts, 0), state.residual.size(0));
  if (block.config->has(Side::ExpertsOut))
    sum = at::linear(sum, block.side(Side::ExpertsOut), block.side(Side::ExpertsOutBias));
  sum = normalised(sum, Side::AfterExpertsNorm);
  if (!shared.defined()) return sum;
  const auto own = normalised(shared, Side::AfterSharedNorm);
  return sum + (state.routing->shared.defined() ? own * state.routing->shared : own);
}

at::Tensor updated(const DecoderBlock& block, Side after_norm, const at::Tensor& stream,
                   const at::Tensor& update) {
  const BlockConfig& config = *block.config;
  const at::Tensor norm = block.side(after_norm);
  if (!norm.defined()) return added(stream, update, config.residual_scale);
  return by_row_chunks(
      stream.size(0), stream.size(1), stream.options(), [&](int64_t first, int64_t count) {
        return at::add(stream.narrow(0, first, count),
                       normalise(update.narrow(0, first, count), norm, config.norm),
                       config.residual_scale);
      });
}

bool takes_row_norm(const at::Tensor& rows, const at::Tensor& weight, const NormConfig& config,
                    at::ScalarType dtype) {
  return weight.defined() && takes_row_kernels(rows, at::kFloat) &&
         takes_row_kernels(weight, at::kFloat) && config.kind != NormKind::Layer &&
         (dtype == at::kFloat || dtype == at::kBFloat16);
}

/// Normalised rows in the compute dtype.
at::Tensor normalised_input(const DecoderBlock& block, const at::Tensor& rows, Side norm) {
  const at::Tensor weight = block.side(norm);
  const NormConfig& config = block.config->norm;
  if (takes_row_norm(rows, weight, config, compute_dtype(block)))
    return rms_normalised(rows, weight, config.eps, config.kind == NormKind::RmsPlusOne ? 1 : 0,
                          compute_dtype(block));
  return by_row_chunks(rows.size(0), rows.size(1), rows.options().dtype(compute_dtype(block)),
                       [&](int64_t first, int64_t count) {
                         return normalise(rows.narrow(0, first, count), weight, config);
                       });
}

/// Of a router with a norm of its own (Gemma 4): its weight takes the place of the matrix's size.
at::Tensor router_input(const DecoderBlock& block, const at::Tensor& residual) {
  const auto size = std::sqrt(static_cast<double>(residual.size(1)));
  return normalise(residual, block.side(Side::RouterScale) / size, block.config->norm);
}

}  // namespace

at::ScalarType wide_dtype(at::ScalarType compute) { return at::promote_types(compute, at::kFloat); }

at::Tensor DecoderBlock::side(Side which) const {
  const auto found = sides.find(which);
  return found == sides.end() ? at::Tensor() : found->second;
}

KvCache empty_cache(const BlockConfig& config, int64_t count, int64_t capacity,
                    const at::TensorOptions& options) {
  if (config.mixer == Mixer::DeltaNet) return delta_cache(config.delta, count, options);
  if (config.mixer == Mixer::ShortConvolution) return convolution_cache(config, count, options);
  if (config.mixer == Mixer::Mamba) return mamba_cache(config.mamba, count, options);
  if (!config.mixes()) return {at::zeros({count, 1}, options), at::zeros({count, 1}, options), 0};
  const AttentionConfig& attention = config.attention;
  const auto empty = [&](int64_t width) {
    return at::empty({count, attention.kv_heads, capacity, width}, options);
  };
  return {empty(attention.head_dim), empty(attention.value_width()), 0};
}

at::Tensor normalise(const at::Tensor& x, const at::Tensor& weight, const NormConfig& config) {
  const auto wide = x.to(wide_dtype(x.scalar_type()));
  if (!weight.defined()) return wide;
  const auto centred = config.kind == NormKind::Layer ? wide - wide.mean(-1, true) : wide;
  const auto normalised = centred * at::rsqrt(centred.square().mean(-1, true) + config.eps);
  return normalised * (config.kind == NormKind::RmsPlusOne ? weight + 1 : weight);
}

at::Tensor input_of(const StageState& state, const LinearInfo& linear) {
  if (linear.reads == kDense) return state.input;
  if (linear.reads == kQueryLatent) return state.latents.query;
  if (linear.reads == kKeyLatent) return state.latents.key;
  if (linear.reads == kSharedExpert)
    return state.shared_input.defined() ? state.shared_input : state.input;
  if (linear.stage != Stage::MlpOut) return state.input.index_select(0, rows_read(state, linear));
  const Routing& routing = *state.routing;
  return state.input.narrow(0, routing.first[static_cast<size_t>(linear.reads)],
                            routing.count(linear.reads));
}

at::Tensor rows_read(const StageState& state, const LinearInfo& linear) {
  if (linear.reads < 0) return {};
  const Routing& routing = *state.routing;
  return routing.rows.narrow(0, routing.first[static_cast<size_t>(linear.reads)],
                             routing.count(linear.reads));
}

StageState enter_block(const DecoderBlock& block, const at::Tensor& hidden) {
  if (!block.config->mixes()) return {hidden, {}};
  if (!block.config->latent.used)
    return {hidden, normalised_input(block, hidden, Side::AttentionNorm)};
  const auto wide = normalise(hidden, block.side(Side::AttentionNorm), block.config->norm);
  StageState state{hidden, wide.to(compute_dtype(block))};
  state.latents = latent_inputs(block, wide);
  return state;
}

StageState enter_mlp(const DecoderBlock& block, const at::Tensor& residual) {
  const BlockConfig& config = *block.config;
  if (!config.has_mlp()) return {residual, {}};
  const auto read = config.parallel ? residual.narrow(1, 0, residual.size(1) / 2) : residual;
  const Side norm = config.parallel ? Side::AttentionNorm : Side::MlpNorm;
  if (!config.mixture()) return {residual, normalised_input(block, read, norm)};
  const auto wide = normalise(read, block.side(norm), config.norm);
  const auto narrow = [&](const at::Tensor& rows) { return rows.to(compute_dtype(block)); };
  StageState state{residual, narrow(wide)};
  if (config.has(Side::SharedNorm))
    state.shared_input = narrow(normalise(residual, block.side(Side::SharedNorm), config.norm));
  if (config.has(Side::ExpertsIn)) {
    state.shared_input = state.input;
    state.input =
        narrow(at::linear(wide, block.side(Side::ExpertsIn), block.side(Side::ExpertsInBias)));
  }
  state.routing = std::make_shared<Routing>(
      route(config.router, config.has(Side::RouterScale) ? router_input(block, residual) : wide,
            {block.side(Side::Router), block.side(Side::RouterBias), block.side(Side::SharedGate),
             block.side(Side::ExpertScale)}));
  return state;
}

int64_t stage_products(const BlockConfig& config, Stage stage) {
  int64_t dense = 0, experts = 0;
  for (const auto& linear : config.linears) {
    if (linear.stage != stage) continue;
    (linear.reads >= 0 ? experts : dense) += linear.out * linear.in;
  }
  if (experts > 0) experts = experts / config.router.experts * config.router.top_k;
  return dense + experts;
}

int64_t block_products(const BlockConfig& config, Stage first) {
  int64_t products = 0;
  for (int stage = static_cast<int>(first); stage < kStages; ++stage)
    products += stage_products(config, static_cast<Stage>(stage));
  return products;
}

int64_t model_products(const ModelConfig& config, int64_t first) {
  int64_t products = 0;
  for (int64_t block = first; block < config.layers; ++block)
    products += block_products(config.block(block));
  return products;
}

void advance(const DecoderBlock& block, Stage stage, const std::vector<SequenceRun>& runs,
             StageState& state, KvCache* cache) {
  const BlockConfig& config = *block.config;
  count_products(state.residual.size(0) * stage_products(config, stage));
  const auto outputs = run_linears(block, stage, state);
  switch (stage) {
    case Stage::AttentionIn:
      if (!config.mixes()) return;
      state.input = mix(block, outputs, state, runs, cache);
      state.latents = {};
      return;
    case Stage::AttentionOut: {
      const auto stream = config.mixes() ? updated(block, Side::AfterAttentionNorm, state.residual,
                                                   outputs.at(kDense).front())
                                         : state.residual;
      auto* noted = state.outputs;
      state = enter_mlp(block, config.parallel ? at::cat({state.residual, stream}, 1) : stream);
      state.outputs = noted;
      return;
    }
    case Stage::MlpIn:
      if (!config.has_mlp()) return;
      if (config.mixture()) {
        mixture_inputs(block, outputs, state);
      } else {
        state.input = gated(block, outputs.at(kDense));
      }
      return;
    case Stage::MlpOut: {
      if (!config.has_mlp()) return;
      const int64_t hidden = state.residual.size(1) / (config.parallel ? 2 : 1);
      const auto stream =
          config.parallel ? state.residual.narrow(1, hidden, hidden) : state.residual;
      state.residual = updated(
          block, Side::AfterMlpNorm, stream,
          config.mixture() ? mixture_output(block, outputs, state) : outputs.at(kDense).front());
      if (config.has(Side::LayerScale))
        state.residual = state.residual * block.side(Side::LayerScale);
      state.input = at::Tensor();
      return;
    }
  }
  fail(ErrorCode::Internal, "unknown stage");
}

at::Tensor forward_block(const DecoderBlock& block, const std::vector<SequenceRun>& runs,
                         const at::Tensor& hidden, KvCache* cache, ExpertRows* expert_rows) {
  StageState state = enter_block(block, hidden);
  for (int stage = 0; stage < kStages; ++stage) {
    advance(block, static_cast<Stage>(stage), runs, state, cache);
    if (expert_rows == nullptr || state.routing == nullptr ||
        static_cast<Stage>(stage) != Stage::AttentionOut)
      continue;
    expert_rows->resize(static_cast<size_t>(block.config->router.experts));
    for (size_t expert = 0; expert < expert_rows->size(); ++expert)
      (*expert_rows)[expert] += state.routing->count(static_cast<int64_t>(expert));
  }
  return state.residual;
}

}  // namespace mpq
