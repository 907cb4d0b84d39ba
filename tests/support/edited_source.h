#pragma once
// A checkpoint some of whose weights are not those of its files.
#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mpq/io/weight_source.h"

namespace mpq {

/// From a weight to one of the same shape, by the weight's name.
using Edits = std::map<std::string, std::function<at::Tensor(const at::Tensor&)>>;

class EditedSource final : public WeightSource {
 public:
  EditedSource(const std::string& folder, Edits edits)
      : files_(open_safetensors_folder(folder)), edits_(std::move(edits)) {}

  std::vector<std::string> names() const override { return files_->names(); }
  std::vector<int64_t> shape(const std::string& name) const override { return files_->shape(name); }
  at::ScalarType dtype(const std::string& name) const override { return files_->dtype(name); }
  at::Tensor load(const std::string& name) const override {
    const auto edit = edits_.find(name);
    return edit == edits_.end() ? files_->load(name) : edit->second(files_->load(name));
  }

 private:
  std::unique_ptr<WeightSource> files_;
  Edits edits_;
};

}  // namespace mpq
