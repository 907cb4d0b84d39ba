// Key-value caches of a batch, prefilled in slices so that long prompts do not multiply the
// activations.
#include "cached_decoder.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "token_scores.h"

namespace mpq {
CachedDecoder::CachedDecoder(const Model& model, std::vector<DecoderBlock> blocks)
    : model_(model), blocks_(std::move(blocks)) {}

int64_t CachedDecoder::bytes_per_position() const {
  const ModelConfig& config = model_.config();
  return 2 * config.layers * config.kv_heads * config.head_dim *
         static_cast<int64_t>(c10::elementSize(model_.dtype()));
}

void CachedDecoder::start(int64_t count, int64_t capacity) {
  const ModelConfig& config = model_.config();
  const auto options = at::TensorOptions().dtype(model_.dtype()).device(model_.device());
  const auto empty = [&] {
    return at::empty({count, config.kv_heads, capacity, config.head_dim}, options);
  };
  caches_.clear();
  for (size_t i = 0; i < blocks_.size(); ++i) caches_.push_back({empty(), empty(), 0});
}

at::Tensor CachedDecoder::advance_slice(int64_t first, const at::Tensor& ids) {
  const int64_t count = ids.size(0);
  const int64_t length = ids.size(1);
  at::Tensor hidden = model_.embed(ids.reshape({-1}));
  for (size_t i = 0; i < blocks_.size(); ++i) {
    KvCache part{caches_[i].keys.narrow(0, first, count), caches_[i].values.narrow(0, first, count),
                 caches_[i].length};
    hidden = forward_block(model_.config(), blocks_[i], {{count, length}}, hidden, &part);
  }
  const auto last = hidden.view({count, length, hidden.size(1)}).select(1, length - 1);
  const auto logits = model_.logits(last);
  check_finite(logits, model_);
  return logits.argmax(-1).to(at::kCPU);
}

at::Tensor CachedDecoder::advance(const at::Tensor& ids) {
  const int64_t slice = std::max<int64_t>(1, kBatchTokens / ids.size(1));
  std::vector<at::Tensor> successors;
  for (int64_t first = 0; first < ids.size(0); first += slice)
    successors.push_back(
        advance_slice(first, ids.narrow(0, first, std::min(slice, ids.size(0) - first))));
  for (KvCache& cache : caches_) cache.length += ids.size(1);
  return at::cat(successors, 0);
}

void CachedDecoder::keep(const at::Tensor& sequences) {
  const auto index = sequences.to(model_.device());
  for (KvCache& cache : caches_) {
    cache.keys = cache.keys.index_select(0, index);
    cache.values = cache.values.index_select(0, index);
  }
}

}  // namespace mpq
