// Attention of one block: head norms, rotation, windows, soft caps, the key-value cache.
#include "mpq/model/attention.h"

#include <ATen/ATen.h>

#include <limits>

#include "mpq/core/error.h"
#include "mpq/model/by_run.h"
#include "mpq/model/row_kernels.h"

namespace mpq {
namespace {

/// Tables as the channels stand: halves side by side, or each angle's two channels together.
RopeTables tables_for(const RopeConfig& config, int64_t first, int64_t count,
                      const at::TensorOptions& options) {
  RopeTables tables = rope_tables(config, first, count);
  const auto place = [&](const at::Tensor& table) {
    const auto laid =
        config.interleaved ? table.narrow(-1, 0, config.dim / 2).repeat_interleave(2, -1) : table;
    return laid.to(options);
  };
  return {place(tables.cos), place(tables.sin)};
}

/// Rotates the first rope.dim channels of [count, heads, length, head_dim], in wide_dtype().
at::Tensor rotate(const at::Tensor& x, const RopeTables& tables, const RopeConfig& config) {
  const int64_t dim = config.dim;
  const auto rotated = x.narrow(-1, 0, dim);
  at::Tensor turned;
  if (config.interleaved) {
    const auto pairs = rotated.unflatten(-1, {dim / 2, 2});
    turned = at::stack({-pairs.select(-1, 1), pairs.select(-1, 0)}, -1).flatten(-2);
  } else {
    turned = at::cat({-rotated.narrow(-1, dim / 2, dim / 2), rotated.narrow(-1, 0, dim / 2)}, -1);
  }
  const auto result = rotated * tables.cos + turned * tables.sin;
  return dim == x.size(-1) ? result : at::cat({result, x.narrow(-1, dim, x.size(-1) - dim)}, -1);
}

/// bool [queries, keys]: which keys each of the last `queries` of `keys` positions sees.
at::Tensor visible(int64_t queries, int64_t keys, int64_t window, at::Device device) {
  const auto options = at::TensorOptions().dtype(at::kLong).device(device);
  const auto query = at::arange(keys - queries, keys, options).unsqueeze(1);
  const auto key = at::arange(keys, options).unsqueeze(0);
  const auto distance = query - key;
  const auto causal = distance >= 0;
  return window > 0 ? causal.logical_and(distance < window) : causal;
}

/// Attention that no fused kernel knows: soft caps, and sinks [heads] that take a share of every
/// token's attention.
at::Tensor explicit_attention(const AttentionConfig& config, const at::Tensor& query,
                              const at::Tensor& key, const at::Tensor& value,
                              const at::Tensor& mask, const at::Tensor& sinks) {
  const auto wide = wide_dtype(query.scalar_type());
  auto scores = at::matmul(query.to(wide), key.to(wide).transpose(-1, -2)) * config.scale;
  if (config.softcap > 0) scores = at::tanh(scores / config.softcap) * config.softcap;
  scores = scores.masked_fill(mask.logical_not(), -std::numeric_limits<float>::infinity());
  if (sinks.defined()) {
    const auto column = sinks.to(wide)
                            .view({1, -1, 1, 1})
                            .expand({scores.size(0), scores.size(1), scores.size(2), 1});
    scores = at::cat({scores, column}, -1);
  }
  const auto shares = at::softmax(scores, -1).narrow(-1, 0, key.size(2));
  return at::matmul(shares.to(value.scalar_type()), value);
}

/// Head norms and rotation of [count, heads, length, head_dim], in the dtype it came in.
at::Tensor placed(const AttentionConfig& config, const NormConfig& norm, const at::Tensor& heads,
                  const at::Tensor& weight, const RopeTables& tables) {
  auto wide = heads.to(wide_dtype(heads.scalar_type()));
  if (config.head_norm == HeadNorm::PerHead)  // one weight for all heads, or one each
    wide = normalise(wide, weight.dim() == 2 ? weight.unsqueeze(1) : weight, norm);
  if (config.rotates) wide = rotate(wide, tables, config.rope);
  return wide.to(heads.scalar_type());
}

/// What queries at positions [first, first + count) grow by, [count, 1].
at::Tensor query_growth(const AttentionConfig& config, int64_t first, int64_t count,
                        const at::TensorOptions& options) {
  const auto positions = at::arange(first, first + count, options);
  const auto lengths =
      at::floor(positions / static_cast<double>(config.rope.original_max_positions));
  return (at::log1p(lengths) * config.query_growth + 1).unsqueeze(1);
}

/// One run: [count * length, channels] to [count * length, heads * value_width()].
at::Tensor attend_run(const DecoderBlock& block, const SequenceRun& run, const at::Tensor& queries,
                      const at::Tensor& keys, const at::Tensor& values, KvCache* cache) {
  const AttentionConfig& config = block.config->attention;
  const NormConfig& norm = block.config->norm;
  const auto split = [&](const at::Tensor& rows, int64_t heads) {
    return rows.view({run.count, run.length, heads, -1}).transpose(1, 2);
  };
  at::Tensor value = split(values, config.kv_heads);
  if (config.normalises_values) {
    const auto ones = at::ones({}, value.options().dtype(wide_dtype(value.scalar_type())));
    value = normalise(value, ones, norm).to(value.scalar_type());
  }
  const int64_t past = cache != nullptr ? cache->length : 0;
  const auto wide = value.options().dtype(wide_dtype(value.scalar_type()));
  const RopeTables tables =
      config.rotates ? tables_for(config.rope, past, run.length, wide) : RopeTables{};
  const bool fused = config.rotates && !config.rope.interleaved &&
                     config.head_norm != HeadNorm::PerHead &&
                     takes_row_kernels(queries, at::kBFloat16);
  const auto place = [&](const at::Tensor& rows, int64_t heads, Side side) {
    const at::Tensor weight = block.side(side);
    const bool whole = config.head_norm == HeadNorm::FullWidth && weight.defined();
    const auto normalised = whole ? normalise(rows, weight, norm).to(rows.scalar_type()) : rows;
    return fused ? rotated_heads(normalised, run.length, heads, tables.cos, tables.sin)
                 : placed(config, norm, split(normalised, heads), weight, tables);
  };
  at::Tensor query = place(queries, config.heads, Side::QueryNorm);
  if (config.query_growth != 0)
    query = (query * query_growth(config, past, run.length, wide)).to(value.scalar_type());
  at::Tensor key = place(keys, config.kv_heads, Side::KeyNorm);
  if (cache != nullptr) {
    require(past + run.length <= cache->keys.size(2), ErrorCode::Internal,
            "key-value cache: {} positions are full", cache->keys.size(2));
    cache->keys.narrow(2, past, run.length).copy_(key);
    cache->values.narrow(2, past, run.length).copy_(value);
    cache->length = past + run.length;
    key = cache->keys.narrow(2, 0, cache->length);
    value = cache->values.narrow(2, 0, cache->length);
  }
  const int64_t repeats = config.heads / config.kv_heads;
  if (repeats > 1) {
    key = key.repeat_interleave(repeats, 1);
    value = value.repeat_interleave(repeats, 1);
  }
  const int64_t seen = key.size(2);
  const bool windowed = config.window > 0 && seen > config.window;
  const auto mask = [&] { return visible(run.length, seen, config.window, query.device()); };
  const at::Tensor sinks = block.side(Side::Sinks);
  at::Tensor output;
  if (config.softcap > 0 || sinks.defined()) {
    output = explicit_attention(config, query, key, value, mask(), sinks);
  } else if (!windowed && seen == run.length) {
    output = at::scaled_dot_product_attention(query, key, value, {}, 0.0, /*is_causal=*/true,
                                              config.scale);
  } else {
    output = at::scaled_dot_product_attention(query, key, value, mask(), 0.0, false, config.scale);
  }
  return output.transpose(1, 2).reshape(
      {run.count * run.length, config.heads * config.value_width()});
}

}  // namespace

at::Tensor attend(const DecoderBlock& block, const at::Tensor& query, const at::Tensor& key,
                  const at::Tensor& value, const std::vector<SequenceRun>& runs, KvCache* cache) {
  return by_run(runs, cache, [&](const SequenceRun& run, int64_t row) {
    const auto of_run = [&](const at::Tensor& all) {
      return all.narrow(0, row, run.count * run.length).contiguous();
    };
    return attend_run(block, run, of_run(query), of_run(key), of_run(value), cache);
  });
}

}  // namespace mpq
