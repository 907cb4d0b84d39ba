// Expected tensor names and shapes of a decoder.
#include "mpq/model/tensor_names.h"

#include <algorithm>

namespace mpq {
namespace {

std::string embedding_of(const TensorLayout& layout) { return layout.prefix + layout.embedding; }

/// Whether a source has a name, of one list of its names.
class NamesOf {
 public:
  explicit NamesOf(const WeightSource& weights) : names_(weights.names()) {}
  bool has(const std::string& name) const {
    return std::binary_search(names_.begin(), names_.end(), name);
  }

 private:
  std::vector<std::string> names_;
};

}  // namespace

ModelConfig laid_out(ModelConfig config, const WeightSource& weights) {
  const NamesOf names(weights);
  const auto fits = [&](const TensorLayout& layout) {
    return names.has(embedding_of(layout)) || names.has(layout.prefix + layout.norm);
  };
  const auto found = std::find_if(config.layouts.begin(), config.layouts.end(), fits);
  config.layouts = {found == config.layouts.end() ? config.layouts.front() : *found};
  return config;
}

TensorNames::TensorNames(const ModelConfig& config, const WeightSource& weights)
    : config_(config), embedding_(embedding_of(config.layout())), head_(config.layout().head) {
  if (!config.tied_embeddings) return;
  const NamesOf names(weights);
  if (!names.has(head_)) head_ = embedding_;
  if (!names.has(embedding_)) embedding_ = head_;
}

std::map<std::string, std::vector<int64_t>> TensorNames::expected() const {
  std::map<std::string, std::vector<int64_t>> result;
  result[embedding_] = {config_.vocab, config_.hidden};
  result[head_] = {config_.vocab, config_.hidden};
  result[final_norm()] = {config_.hidden};
  for (int64_t block = 0; block < config_.layers; ++block) {
    const std::string prefix = config_.block_prefix(block);
    const BlockConfig& parts = config_.block(block);
    for (const auto& linear : parts.linears) {
      result[config_.weight_name(block, linear)] = {linear.out, linear.in};
      if (linear.bias) result[prefix + linear.module + ".bias"] = {linear.out};
    }
    for (const auto& [side, tensor] : parts.sides) result[prefix + tensor.name] = tensor.shape;
  }
  return result;
}

bool TensorNames::ignorable(const std::string& name) const {
  const auto begins = [&](const std::string& prefix) { return name.rfind(prefix, 0) == 0; };
  const std::string kBuffer = "rotary_emb.inv_freq";
  const bool buffer = name.size() >= kBuffer.size() &&
                      name.compare(name.size() - kBuffer.size(), kBuffer.size(), kBuffer) == 0;
  return buffer || std::any_of(config_.carried.begin(), config_.carried.end(), begins);
}

}  // namespace mpq
