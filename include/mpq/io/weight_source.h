#pragma once
// Where a model's weights come from: a full-precision folder, or a packed one that is dequantized
// on the way.
#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

namespace mpq {

/// Named weights of one checkpoint.
class WeightSource {
 public:
  WeightSource() = default;
  virtual ~WeightSource() = default;
  WeightSource(const WeightSource&) = delete;
  WeightSource& operator=(const WeightSource&) = delete;

  /// Every weight's name, as full-precision tensors ("model.layers.0.self_attn.q_proj.weight"),
  /// sorted.
  virtual std::vector<std::string> names() const = 0;
  /// Shape without reading the data. Throws Error(Format) naming the folder when there is no such
  /// weight.
  virtual std::vector<int64_t> shape(const std::string& name) const = 0;
  /// The dtype it is stored in, of a packed one that of its scales, without reading the data.
  /// Throws as shape().
  virtual at::ScalarType dtype(const std::string& name) const = 0;
  /// The weight in its stored dtype (packed ones in float32). Throws as shape().
  virtual at::Tensor load(const std::string& name) const = 0;
  /// A hint that load() of this name comes soon: a source on a disk may begin to read.
  virtual void read_ahead(const std::string&) const {}
};

/// model.safetensors, or the shards that model.safetensors.index.json lists (the index and the
/// shards must agree). Throws Error(Io) when neither is there, Error(Format) on a fault.
std::unique_ptr<WeightSource> open_safetensors_folder(const std::string& folder);

}  // namespace mpq
