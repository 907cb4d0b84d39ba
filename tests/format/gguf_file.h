#pragma once
// GGUF files for tests, written value by value.
#include <ATen/ATen.h>

#include <algorithm>
#include <string>

#include "mpq/format/gguf_model.h"
#include "mpq/io/gguf.h"
#include "tests/support/source_path.h"

namespace mpq {

/// The tensor as it is in a file of F32.
inline at::Tensor gguf_tensor_value(const GgufTensor& tensor, const WeightSource* weights) {
  if (tensor.source.empty()) return at::tensor(tensor.values, at::kFloat);
  std::vector<at::Tensor> parts;
  for (const std::string& source : tensor.sources())
    parts.push_back(gguf_value(tensor, weights->load(source).to(at::kFloat)));
  return tensor.experts.empty() ? parts.front().contiguous() : at::stack(parts);
}

/// All in F32. Without `weights` it has what the model computes itself, the rope's factors.
inline void write_gguf(const std::string& path, const GgufModel& model,
                       const WeightSource* weights) {
  std::vector<GgufTensorPlan> plan;
  for (const GgufTensor& tensor : model.tensors) {
    if (weights != nullptr || tensor.source.empty())
      plan.push_back({tensor.name, tensor.dims(), *find_gguf_type("F32")});
  }
  GgufWriter file(path, model.metadata, plan);
  for (const GgufTensor& tensor : model.tensors) {
    if (weights == nullptr && !tensor.source.empty()) continue;
    const at::Tensor value = gguf_tensor_value(tensor, weights);
    file.write(tensor.name, {static_cast<const uint8_t*>(value.const_data_ptr()), value.nbytes()});
  }
  file.finish();
}

/// nano-llama's metadata without tensors, to be changed.
struct NanoGguf {
  NanoGguf() {
    const std::string folder = source_path("data/nano-llama");
    model = make_gguf_model(folder, *open_safetensors_folder(folder), 0);
  }
  /// Replaces a value, or adds it.
  void set(const std::string& key, GgufValue value) {
    remove(key);
    model.metadata.push_back({key, std::move(value)});
  }
  void remove(const std::string& key) {
    std::erase_if(model.metadata, [&](const GgufEntry& entry) { return entry.key == key; });
  }
  template <class T>
  std::vector<T> array(const std::string& key) const {
    return std::get<std::vector<T>>(std::get<GgufArray>(*find_gguf_value(model.metadata, key)));
  }
  void write(const std::string& path) const { write_gguf(path, model, nullptr); }

  GgufModel model;
};

}  // namespace mpq
