// Finds every weight of a configuration in a GGUF file.
#include "mpq/format/gguf_source.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "mpq/core/error.h"
#include "mpq/format/gguf_blocks.h"
#include "mpq/format/gguf_model.h"
#include "mpq/io/gguf.h"
#include "mpq/model/architecture.h"
#include "mpq/model/outline_source.h"
#include "tensors.h"

namespace mpq {
namespace {

/// NVFP4 has a second scale, for the whole tensor.
std::string scale_name(const std::string& tensor) {
  return tensor.substr(0, tensor.rfind('.')) + ".scale";
}

class GgufSource final : public WeightSource {
 public:
  GgufSource(const std::string& folder, const std::string& path) : file_(path) {
    const ModelConfig config = read_model_config(folder);
    OutlineSource expected(config, at::kFloat);
    if (file_.find("output.weight") != nullptr)
      expected.add(config.layout().head, {config.vocab, config.hidden});
    for (auto& tensor : gguf_tensors(config, expected)) {
      if (tensor.source.empty()) continue;
      const GgufTensorInfo* info = file_.find(tensor.name);
      require(info != nullptr, ErrorCode::Format, "{}: has no {}", path, tensor.name);
      require(info->shape() == tensor.shape, ErrorCode::Format, "{}: {}: expected [{}], found [{}]",
              path, tensor.name, fmt::join(tensor.shape, ", "), fmt::join(info->shape(), ", "));
      const auto sources = tensor.sources();
      for (size_t part = 0; part < sources.size(); ++part)
        places_.emplace(sources[part], Place{tensor, info, part});
    }
    refuse_others();
  }

  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, place] : places_) names.push_back(name);
    return names;
  }
  std::vector<int64_t> shape(const std::string& name) const override {
    const GgufTensor& tensor = at(name).tensor;
    return tensor.experts.empty()
               ? tensor.shape
               : std::vector<int64_t>{tensor.shape.begin() + 1, tensor.shape.end()};
  }
  at::ScalarType dtype(const std::string& name) const override {
    const std::string_view type = at(name).info->type.name;
    return type == "F16" ? at::kHalf : type == "BF16" ? at::kBFloat16 : at::kFloat;
  }
  at::Tensor load(const std::string& name) const override {
    const auto& [tensor, info, part] = at(name);
    const auto shape_of_part = shape(name);
    const int64_t columns = info->dims.front();
    int64_t rows = 1;
    for (const int64_t dim : shape_of_part) rows *= dim;
    rows /= columns;
    const auto bytes = std::as_bytes(file_.data(*info));
    const size_t count = bytes.size() / std::max<size_t>(1, tensor.experts.size());
    at::Tensor value =
        unpack_gguf_rows(info->type.id, bytes.subspan(part * count, count), rows, columns);
    if (const GgufTensorInfo* scales = file_.find(scale_name(tensor.name)))
      value.mul_(scale_of(*scales, tensor, part));
    if (tensor.added != 0) value.sub_(tensor.added);
    value = value.view(shape_of_part);
    const at::Tensor order = row_index(tensor);
    if (order.defined()) value = at::empty_like(value).index_copy_(0, order, value);
    return value.to(dtype(name));
  }
  void read_ahead(const std::string& name) const override { file_.read_ahead(*at(name).info); }

 private:
  struct Place {
    GgufTensor tensor;
    const GgufTensorInfo* info;
    size_t part;  // which expert
  };
  /// One number, or one an expert.
  at::Tensor scale_of(const GgufTensorInfo& scales, const GgufTensor& tensor, size_t part) const {
    const auto count = static_cast<int64_t>(std::max<size_t>(1, tensor.experts.size()));
    return unpack_gguf_rows(scales.type.id, std::as_bytes(file_.data(scales)), 1, count)
        .select(1, static_cast<int64_t>(part));
  }
  /// A tensor that no place is for would change what the model computes.
  void refuse_others() const {
    std::set<std::string> known = {"rope_freqs.weight", "rope_factors_long.weight",
                                   "rope_factors_short.weight"};
    for (const auto& [name, place] : places_) {
      known.insert(place.tensor.name);
      known.insert(scale_name(place.tensor.name));
    }
    for (const GgufTensorInfo& info : file_.tensors()) {
      require(known.contains(info.name), ErrorCode::Unsupported,
              "{}: {}: mpq knows no such tensor of this model, and does not compute it without",
              file_.path(), info.name);
    }
  }
  const Place& at(const std::string& name) const {
    const auto found = places_.find(name);
    require(found != places_.end(), ErrorCode::Format, "{}: there is no tensor {}", file_.path(),
            name);
    return found->second;
  }

  GgufFile file_;
  std::map<std::string, Place> places_;  // by the checkpoint's names
};

}  // namespace

std::unique_ptr<WeightSource> open_gguf(const std::string& folder, const std::string& file) {
  return std::make_unique<GgufSource>(folder, file);
}

}  // namespace mpq
