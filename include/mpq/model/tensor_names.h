#pragma once
// The tensors a checkpoint of a configuration must hold.
#include <map>
#include <string>
#include <vector>

#include "mpq/io/weight_source.h"
#include "mpq/model/config.h"

namespace mpq {

/// The configuration with the one layout that the checkpoint has, the first where none fits.
ModelConfig laid_out(ModelConfig config, const WeightSource& weights);

class TensorNames {
 public:
  TensorNames(const ModelConfig& config, const WeightSource& weights);

  /// Of a tied pair only one need be stored, under either name; a head of its own is used, as
  /// transformers 5 and vLLM do.
  const std::string& embedding() const { return embedding_; }
  const std::string& head() const { return head_; }
  std::string final_norm() const { return config_.layout().prefix + config_.layout().norm; }
  /// Every tensor that must be there, with its shape.
  std::map<std::string, std::vector<int64_t>> expected() const;
  /// Tensors that no forward pass needs: of old exports, or of other parts of a model of images
  /// too.
  bool ignorable(const std::string& name) const;

 private:
  const ModelConfig& config_;
  std::string embedding_, head_;
};

}  // namespace mpq
