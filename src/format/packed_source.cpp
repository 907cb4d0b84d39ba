// Shapes are checked when a folder is opened, values when they are loaded.
#include "mpq/format/packed_source.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <set>

#include "mpq/core/error.h"

namespace mpq {
namespace {

constexpr const char* kWeight = ".weight";

class PackedSource final : public WeightSource {
 public:
  PackedSource(std::string folder, std::unique_ptr<WeightSource> inner,
               std::map<std::string, PackedLinear> linears, ReadPacked read)
      : folder_(std::move(folder)), inner_(std::move(inner)), read_(std::move(read)) {
    const auto names = inner_->names();
    plain_.insert(names.begin(), names.end());
    for (auto& [module, linear] : linears) {
      for (const auto& tensor : linear.tensors) claim(tensor);
      linears_.emplace(module + kWeight, std::pair{module, std::move(linear)});
    }
    for (const auto& [name, linear] : linears_) {
      require(plain_.count(name) == 0, ErrorCode::Format, "{}: tensor {}: is also packed", folder_,
              name);
    }
  }

  std::vector<std::string> names() const override {
    std::set<std::string> all = plain_;
    for (const auto& [name, linear] : linears_) all.insert(name);
    return {all.begin(), all.end()};
  }

  std::vector<int64_t> shape(const std::string& name) const override {
    const PackedLinear* linear = packed(name);
    if (linear == nullptr) return inner_->shape(name);
    return {linear->out, linear->in};
  }

  at::ScalarType dtype(const std::string& name) const override {
    const PackedLinear* linear = packed(name);
    return linear == nullptr ? inner_->dtype(name) : linear->encoding.scale_dtype;
  }

  at::Tensor load(const std::string& name) const override {
    const PackedLinear* linear = packed(name);
    if (linear == nullptr) return inner_->load(name);
    try {
      return dequantize(read_(linears_.at(name).first, *linear,
                              [&](const std::string& tensor) { return inner_->load(tensor); }));
    } catch (const Error& error) {
      throw Error(error.code(), fmt::format("{}: {}", folder_, error.what()));
    }
  }

  void read_ahead(const std::string& name) const override {
    const PackedLinear* linear = packed(name);
    if (linear == nullptr) return inner_->read_ahead(name);
    for (const auto& tensor : linear->tensors) inner_->read_ahead(tensor.name);
  }

 private:
  const PackedLinear* packed(const std::string& name) const {
    const auto found = linears_.find(name);
    return found == linears_.end() ? nullptr : &found->second.second;
  }

  void claim(const TensorPlan& tensor) {
    require(plain_.erase(tensor.name) != 0, ErrorCode::Format, "{}: tensor {}: is missing", folder_,
            tensor.name);
    const auto dtype = inner_->dtype(tensor.name);
    const auto shape = inner_->shape(tensor.name);
    require(dtype == tensor.dtype && shape == tensor.shape, ErrorCode::Format,
            "{}: tensor {}: expected [{}] and {}, found [{}] and {}", folder_, tensor.name,
            fmt::join(tensor.shape, ", "), at::toString(tensor.dtype), fmt::join(shape, ", "),
            at::toString(dtype));
  }

  std::string folder_;
  std::unique_ptr<WeightSource> inner_;
  ReadPacked read_;
  std::set<std::string> plain_;
  std::map<std::string, std::pair<std::string, PackedLinear>> linears_;  // by full-precision name
};

}  // namespace

std::vector<std::string> modules_with(const WeightSource& source, const std::string& suffix) {
  std::vector<std::string> modules;
  for (const auto& name : source.names()) {
    if (name.ends_with(suffix)) modules.push_back(name.substr(0, name.size() - suffix.size()));
  }
  return modules;
}

std::unique_ptr<WeightSource> open_packed(const std::string& folder,
                                          std::unique_ptr<WeightSource> inner,
                                          std::map<std::string, PackedLinear> linears,
                                          ReadPacked read) {
  return std::make_unique<PackedSource>(folder, std::move(inner), std::move(linears),
                                        std::move(read));
}

}  // namespace mpq
