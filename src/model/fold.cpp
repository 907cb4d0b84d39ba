// Which tensor absorbs the factors of a stage's inputs.
#include "mpq/model/fold.h"

#include <ATen/ATen.h>

namespace mpq {
namespace {

/// The linear that holds a role's rows, alone or fused with those before it.
std::optional<InputProducer> rows_of(const BlockConfig& config, Role alone, Role fused,
                                     int64_t fused_row) {
  for (size_t i = 0; i < config.linears.size(); ++i) {
    if (config.linears[i].role == alone) return InputProducer{{}, "", false, i, 0};
    if (config.linears[i].role == fused) return InputProducer{{}, "", false, i, fused_row};
  }
  return {};
}

/// The powers of two nearest to `wanted` that leave each row of `rows` [in, ...] within the stored
/// dtype's normal numbers, with 8 bits for its codes; 1 for a row that is out of them already.
at::Tensor row_factors(const at::Tensor& rows, at::ScalarType stored, const at::Tensor& wanted) {
  const bool half = stored == at::kHalf;
  const double least = (half ? -14 : -126) + 8;
  const double most = half ? 15 : 127;
  const auto size = at::log2(rows.abs().amax(1));  // -inf for a row of zeros
  const auto lowest = (size - most).clamp_max(0);
  const auto highest = (size - least).clamp_min(0);
  return at::exp2(at::minimum(at::maximum(at::log2(wanted).round(), lowest), highest));
}

std::optional<InputProducer> norm_of(const BlockConfig& config, Side side) {
  const auto found = config.sides.find(side);
  if (found == config.sides.end()) return {};
  return InputProducer{side, found->second.name, config.norm.kind == NormKind::RmsPlusOne, 0, 0};
}

}  // namespace

std::optional<InputProducer> input_producer(const BlockConfig& config, Stage stage) {
  const AttentionConfig& attention = config.attention;
  const int64_t heads = attention.heads * attention.head_dim;
  const int64_t key_rows = attention.kv_heads * attention.head_dim;
  switch (stage) {
    case Stage::AttentionIn:  // small projections of a delta net, and latents, read the norm too
      return config.parallel || config.mixer == Mixer::DeltaNet || config.latent.used
                 ? std::nullopt
                 : norm_of(config, Side::AttentionNorm);
    case Stage::MlpIn:
      return config.parallel || config.mixture() ? std::nullopt : norm_of(config, Side::MlpNorm);
    case Stage::AttentionOut:
      if (config.mixer != Mixer::Attention || attention.heads != attention.kv_heads ||
          attention.normalises_values || config.latent.used)
        return {};
      return rows_of(config, Role::Value, Role::QueryKeyValue, heads + key_rows);
    case Stage::MlpOut:
      if (config.mixture() || !config.gated_mlp || config.activation == Activation::ClampedSwiglu)
        return {};
      return rows_of(config, Role::Up, Role::GateUp, config.intermediate);
  }
  return {};
}

at::Tensor fold_norm(const at::Tensor& weight, const at::Tensor& scale, bool plus_one) {
  const double offset = plus_one ? 1 : 0;
  return (weight.to(at::kFloat) + offset) / scale - offset;
}

at::Tensor foldable_scale(const DecoderBlock& block, Stage stage, at::ScalarType stored,
                          const at::Tensor& wanted) {
  const auto producer = input_producer(*block.config, stage);
  if (!wanted.defined() || !producer) return {};
  if (producer->norm.empty()) {
    const auto rows =
        block.weights[producer->linear].narrow(0, producer->first_row, wanted.size(0));
    return row_factors(rows.to(at::kFloat).cpu(), stored, wanted);
  }
  const at::Tensor norm = block.side(producer->side);
  const double offset = producer->plus_one ? 1 : 0;
  const auto before = norm.to(at::kFloat).cpu() + offset;
  const auto after =
      fold_norm(norm.cpu(), wanted, producer->plus_one).to(stored).to(at::kFloat) + offset;
  const auto exact = before / after;
  const auto usable = exact.gt(0).logical_and(at::isfinite(exact));
  return at::where(usable, exact, at::ones_like(exact));
}

}  // namespace mpq
