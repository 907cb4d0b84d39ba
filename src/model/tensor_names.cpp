// Expected tensor names and shapes of a decoder.
#include "mpq/model/tensor_names.h"

#include <algorithm>

namespace mpq {

TensorNames::TensorNames(const ModelConfig& config, const WeightSource& weights) : config_(config) {
  if (!config.tied_embeddings) return;
  const auto names = weights.names();
  const auto has = [&](const std::string& name) {
    return std::binary_search(names.begin(), names.end(), name);
  };
  if (!has(head_)) head_ = embedding_;
  if (!has(embedding_)) embedding_ = head_;
}

std::map<std::string, std::vector<int64_t>> TensorNames::expected() const {
  std::map<std::string, std::vector<int64_t>> result;
  result[embedding_] = {config_.vocab, config_.hidden};
  result[head_] = {config_.vocab, config_.hidden};
  result[final_norm()] = {config_.hidden};
  for (int64_t block = 0; block < config_.layers; ++block) {
    const std::string prefix = config_.block_prefix(block);
    for (const auto& linear : config_.linears) {
      result[config_.weight_name(block, linear)] = {linear.out, linear.in};
      if (linear.bias) result[prefix + linear.module + ".bias"] = {linear.out};
    }
    for (const auto& norm : {config_.norm_attention, config_.norm_mlp, config_.norm_after_attention,
                             config_.norm_after_mlp}) {
      if (!norm.empty()) result[prefix + norm + ".weight"] = {config_.hidden};
    }
    if (config_.qk_norm) {
      result[prefix + kQueryNorm] = {config_.head_dim};
      result[prefix + kKeyNorm] = {config_.head_dim};
    }
  }
  return result;
}

bool TensorNames::ignorable(const std::string& name) const {
  const std::string kBuffer = "rotary_emb.inv_freq";
  const bool buffer = name.size() >= kBuffer.size() &&
                      name.compare(name.size() - kBuffer.size(), kBuffer.size(), kBuffer) == 0;
  return buffer;
}

}  // namespace mpq
