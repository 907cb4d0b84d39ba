#pragma once
// A model without its weights: what its configuration asks for.
#include <map>

#include "mpq/io/weight_source.h"
#include "mpq/model/config.h"

namespace mpq {

/// Names and shapes; load() is Error(Internal).
class OutlineSource final : public WeightSource {
 public:
  /// All that the configuration asks for, in its first layout.
  OutlineSource(const ModelConfig& config, at::ScalarType dtype);
  /// What an index lists; the shapes are those that the configuration asks for.
  OutlineSource(const ModelConfig& config, at::ScalarType dtype,
                const std::vector<std::string>& names);
  /// One more tensor.
  void add(const std::string& name, std::vector<int64_t> shape);

  std::vector<std::string> names() const override;
  std::vector<int64_t> shape(const std::string& name) const override;
  at::ScalarType dtype(const std::string&) const override { return dtype_; }
  at::Tensor load(const std::string& name) const override;

 private:
  at::ScalarType dtype_;
  std::map<std::string, std::vector<int64_t>> shapes_;
};

/// Of a folder with config.json, and perhaps an index, for a dry run before the weights are there.
std::unique_ptr<WeightSource> open_outline(const std::string& folder);

}  // namespace mpq
