// Attention of one block: head norms, rotation, windows, soft caps, the key-value cache.
#include "mpq/model/attention.h"

#include <ATen/ATen.h>

#include <limits>

#include "mpq/core/error.h"

namespace mpq {
namespace {

/// Rotates the first rope.dim channels of [count, heads, length, head_dim], in wide_dtype().
at::Tensor rotate(const at::Tensor& narrow, const RopeTables& tables, int64_t dim) {
  const auto x = narrow.to(wide_dtype(narrow.scalar_type()));
  const auto rotated = x.narrow(-1, 0, dim);
  const auto low = rotated.narrow(-1, 0, dim / 2);
  const auto high = rotated.narrow(-1, dim / 2, dim / 2);
  const auto turned = at::cat({-high, low}, -1);
  const auto cos = tables.cos.to(x.scalar_type());
  const auto sin = tables.sin.to(x.scalar_type());
  const auto result = rotated * cos + turned * sin;
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

at::Tensor softcapped_attention(const at::Tensor& query, const at::Tensor& key,
                                const at::Tensor& value, const at::Tensor& mask, double scale,
                                double cap) {
  const auto wide = wide_dtype(query.scalar_type());
  auto scores = at::matmul(query.to(wide), key.to(wide).transpose(-1, -2)) * scale;
  scores = at::tanh(scores / cap) * cap;
  scores = scores.masked_fill(mask.logical_not(), -std::numeric_limits<float>::infinity());
  return at::matmul(at::softmax(scores, -1).to(value.scalar_type()), value);
}

struct RunContext {
  const ModelConfig& config;
  const DecoderBlock& block;
  KvCache* cache;
};

/// One run: [count * length, channels] to [count * length, heads * head_dim].
at::Tensor attend_run(const RunContext& context, const SequenceRun& run,
                      const at::Tensor& query_rows, const at::Tensor& key_rows,
                      const at::Tensor& value_rows) {
  const ModelConfig& config = context.config;
  const auto split = [&](const at::Tensor& rows, int64_t heads) {
    return rows.view({run.count, run.length, heads, config.head_dim}).transpose(1, 2);
  };
  at::Tensor query = split(query_rows, config.heads);
  at::Tensor key = split(key_rows, config.kv_heads);
  at::Tensor value = split(value_rows, config.kv_heads);
  if (config.qk_norm) {
    query = rms_norm(query, context.block.query_norm, config);
    key = rms_norm(key, context.block.key_norm, config);
  }
  const int64_t past = context.cache != nullptr ? context.cache->length : 0;
  RopeTables tables = rope_tables(config.rope, past, run.length);
  tables.cos = tables.cos.to(query.device());
  tables.sin = tables.sin.to(query.device());
  query = rotate(query, tables, config.rope.dim).to(value.scalar_type());
  key = rotate(key, tables, config.rope.dim).to(value.scalar_type());
  if (context.cache != nullptr) {
    KvCache& cache = *context.cache;
    require(past + run.length <= cache.keys.size(2), ErrorCode::Internal,
            "key-value cache: {} positions are full", cache.keys.size(2));
    cache.keys.narrow(2, past, run.length).copy_(key);
    cache.values.narrow(2, past, run.length).copy_(value);
    cache.length = past + run.length;
    key = cache.keys.narrow(2, 0, cache.length);
    value = cache.values.narrow(2, 0, cache.length);
  }
  const int64_t repeats = config.heads / config.kv_heads;
  if (repeats > 1) {
    key = key.repeat_interleave(repeats, 1);
    value = value.repeat_interleave(repeats, 1);
  }
  const int64_t keys = key.size(2);
  const int64_t window = config.windows[static_cast<size_t>(context.block.index)];
  const bool windowed = window > 0 && keys > window;
  at::Tensor output;
  if (config.attention_softcap > 0) {
    output =
        softcapped_attention(query, key, value, visible(run.length, keys, window, query.device()),
                             config.attention_scale, config.attention_softcap);
  } else if (!windowed && keys == run.length) {
    output = at::scaled_dot_product_attention(query, key, value, {}, 0.0, /*is_causal=*/true,
                                              config.attention_scale);
  } else {
    output = at::scaled_dot_product_attention(query, key, value,
                                              visible(run.length, keys, window, query.device()),
                                              0.0, false, config.attention_scale);
  }
  return output.transpose(1, 2).reshape({run.count * run.length, config.heads * config.head_dim});
}

}  // namespace

at::Tensor attend(const ModelConfig& config, const DecoderBlock& block, const at::Tensor& query,
                  const at::Tensor& key, const at::Tensor& value,
                  const std::vector<SequenceRun>& runs, KvCache* cache) {
  require(cache == nullptr || runs.size() == 1, ErrorCode::Internal,
          "a key-value cache serves one run of equal-length sequences");
  const RunContext context{config, block, cache};
  std::vector<at::Tensor> outputs;
  int64_t row = 0;
  for (const SequenceRun& run : runs) {
    const int64_t rows = run.count * run.length;
    outputs.push_back(attend_run(context, run, query.narrow(0, row, rows).contiguous(),
                                 key.narrow(0, row, rows).contiguous(),
                                 value.narrow(0, row, rows).contiguous()));
    row += rows;
  }
  return outputs.size() == 1 ? outputs.front() : at::cat(outputs, 0);
}

}  // namespace mpq
