// Key-value caches of a batch, prefilled in slices so that long prompts do not multiply the
// activations.
#include "cached_decoder.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "token_scores.h"

namespace mpq {

int64_t CachedDecoder::bytes_per_position() const {
  const ModelConfig& config = model_.config();
  int64_t numbers = 0;
  for (const auto& block : config.blocks)
    numbers +=
        block.mixer != Mixer::Attention
            ? 0
            : block.attention.kv_heads * (block.attention.head_dim + block.attention.value_width());
  return numbers * static_cast<int64_t>(c10::elementSize(model_.dtype()));
}

void CachedDecoder::start(int64_t count, int64_t capacity) {
  const ModelConfig& config = model_.config();
  const auto options = at::TensorOptions().dtype(model_.dtype()).device(model_.device());
  caches_.clear();
  for (const auto& block : config.blocks)
    caches_.push_back(empty_cache(block, count, capacity, options));
}

at::Tensor CachedDecoder::successors(const at::Tensor& last) const {
  const auto logits = model_.logits(last);
  check_finite(logits, model_);
  return logits.argmax(-1);
}

at::Tensor CachedDecoder::advance(const at::Tensor& ids) {
  const int64_t length = ids.size(1);
  const auto slices = ids.split(std::max<int64_t>(1, kBatchTokens / length));
  std::vector<at::Tensor> hidden;
  for (const auto& slice : slices) hidden.push_back(model_.embed(slice.reshape({-1})));
  for (size_t i = 0; i < caches_.size(); ++i) {
    KvCache& cache = caches_[i];
    const DecoderBlock block = load_(static_cast<int64_t>(i));
    int64_t first = 0;
    for (size_t s = 0; s < slices.size(); ++s) {
      const int64_t count = slices[s].size(0);
      KvCache part{cache.keys.narrow(0, first, count), cache.values.narrow(0, first, count),
                   cache.length};
      hidden[s] = forward_block(block, {{count, length}}, hidden[s], &part);
      first += count;
    }
    cache.length += length;
  }
  std::vector<at::Tensor> next;
  for (size_t s = 0; s < slices.size(); ++s) {
    const auto by_token = hidden[s].view({slices[s].size(0), length, hidden[s].size(1)});
    next.push_back(successors(by_token.select(1, length - 1)));
  }
  return at::cat(next, 0);
}

void CachedDecoder::keep(const at::Tensor& sequences) {
  for (KvCache& cache : caches_) {
    cache.keys = cache.keys.index_select(0, sequences);
    cache.values = cache.values.index_select(0, sequences);
  }
}

}  // namespace mpq
