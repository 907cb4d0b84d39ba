// Reads native checkpoints: shapes are checked when opened, values when loaded.
#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <map>
#include <set>

#include "mpq/core/error.h"
#include "mpq/format/linear_tensors.h"
#include "mpq/format/native.h"

namespace mpq {
namespace {

class NativeSource final : public WeightSource {
 public:
  NativeSource(const std::string& folder, const Json& config)
      : folder_(folder), inner_(open_safetensors_folder(folder)) {
    const std::string where = folder + "/config.json: quantization_config";
    const auto schema = json_get<std::string>(config, "schema", where);
    require(schema == kNativeSchema, ErrorCode::Unsupported,
            "{}: schema is \"{}\", this mpq reads \"{}\"", where, schema, kNativeSchema);
    const auto names = inner_->names();
    plain_.insert(names.begin(), names.end());
    const Json linears = json_get<Json>(config, "linears", where);
    require(linears.is_object(), ErrorCode::Format, "{}: \"linears\" is not an object", where);
    for (const auto& [module, json] : linears.items()) add(module, json, where + ": " + module);
  }

  std::vector<std::string> names() const override {
    std::set<std::string> all = plain_;
    for (const auto& [name, linear] : linears_) all.insert(name);
    return {all.begin(), all.end()};
  }

  std::vector<int64_t> shape(const std::string& name) const override {
    const auto found = linears_.find(name);
    if (found == linears_.end()) return inner_->shape(name);
    return {found->second.out, found->second.in};
  }

  at::ScalarType dtype(const std::string& name) const override {
    const auto found = linears_.find(name);
    if (found == linears_.end()) return inner_->dtype(name);
    return found->second.encoding.scale_dtype;
  }

  at::Tensor load(const std::string& name) const override {
    const auto found = linears_.find(name);
    if (found == linears_.end()) return inner_->load(name);
    const Linear& linear = found->second;
    return dequantize(read_linear(linear.module, linear.encoding, linear.out, linear.in,
                                  [&](const std::string& part) { return inner_->load(part); }));
  }

 private:
  struct Linear {
    std::string module;
    Encoding encoding;
    int64_t out = 0;
    int64_t in = 0;
  };

  void add(const std::string& module, const Json& json, const std::string& where) {
    const auto shape = json_get<std::vector<int64_t>>(json, "shape", where);
    require(shape.size() == 2, ErrorCode::Format, "{}: \"shape\" is not [out, in]", where);
    const Linear linear{module, read_encoding(json, shape[0], shape[1], where), shape[0], shape[1]};
    for (const auto& tensor : linear_plan(module, linear.encoding, linear.out, linear.in)) {
      require(plain_.count(tensor.name) != 0, ErrorCode::Format, "{}: {} is missing", folder_,
              tensor.name);
      const auto dtype = inner_->dtype(tensor.name);
      require(dtype == tensor.dtype && inner_->shape(tensor.name) == tensor.shape,
              ErrorCode::Format, "{}: {}: expected [{}] and {}, found [{}] and {}", folder_,
              tensor.name, fmt::join(tensor.shape, ", "), at::toString(tensor.dtype),
              fmt::join(inner_->shape(tensor.name), ", "), at::toString(dtype));
      plain_.erase(tensor.name);
    }
    linears_.emplace(module + ".weight", linear);
  }

  std::string folder_;
  std::unique_ptr<WeightSource> inner_;
  std::set<std::string> plain_;
  std::map<std::string, Linear> linears_;  // by full-precision name
};

}  // namespace

std::unique_ptr<WeightSource> open_native(const std::string& folder, const Json& config) {
  return std::make_unique<NativeSource>(folder, config);
}

}  // namespace mpq
