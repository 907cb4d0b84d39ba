#pragma once
// The tensors a checkpoint of a configuration must hold.
#include <map>
#include <string>
#include <vector>

#include "mpq/io/weight_source.h"
#include "mpq/model/config.h"

namespace mpq {

constexpr const char* kQueryNorm = "self_attn.q_norm.weight";
constexpr const char* kKeyNorm = "self_attn.k_norm.weight";

class TensorNames {
 public:
  TensorNames(const ModelConfig& config, const WeightSource& weights);

  /// Of a tied pair only one need be stored, under either name; a head of its own is used, as
  /// transformers 5 and vLLM do.
  const std::string& embedding() const { return embedding_; }
  const std::string& head() const { return head_; }
  static std::string final_norm() { return "model.norm.weight"; }
  /// Every tensor that must be there, with its shape.
  std::map<std::string, std::vector<int64_t>> expected() const;
  /// Tensors that old exports carry and no forward pass needs.
  bool ignorable(const std::string& name) const;

 private:
  const ModelConfig& config_;
  std::string embedding_ = "model.embed_tokens.weight";
  std::string head_ = "lm_head.weight";
};

}  // namespace mpq
