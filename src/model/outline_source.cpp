// Names and shapes from config.json and an index.
#include "mpq/model/outline_source.h"

#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/core/json_file.h"
#include "mpq/model/architecture.h"
#include "mpq/model/tensor_names.h"

namespace mpq {
namespace {

at::ScalarType dtype_of(const Json& config, const std::string& where) {
  const Json text = json_get_or<Json>(config, "text_config", Json::object(), where);
  for (const Json* part : {&config, &text}) {
    for (const char* key : {"dtype", "torch_dtype"}) {
      const auto name = json_get_or<std::string>(*part, key, "", where);
      if (name == "float32") return at::kFloat;
      if (name == "float16") return at::kHalf;
    }
  }
  return at::kBFloat16;
}

}  // namespace

OutlineSource::OutlineSource(const ModelConfig& config, at::ScalarType dtype) : dtype_(dtype) {
  shapes_ = TensorNames(config, *this).expected();
}

OutlineSource::OutlineSource(const ModelConfig& config, at::ScalarType dtype,
                             const std::vector<std::string>& names)
    : dtype_(dtype) {
  for (const auto& name : names) shapes_[name] = {};
  const ModelConfig own = laid_out(config, *this);
  for (const auto& [name, shape] : TensorNames(own, *this).expected()) {
    const auto found = shapes_.find(name);
    if (found != shapes_.end()) found->second = shape;
  }
}

void OutlineSource::add(const std::string& name, std::vector<int64_t> shape) {
  shapes_.emplace(name, std::move(shape));
}

std::vector<std::string> OutlineSource::names() const {
  std::vector<std::string> names;
  for (const auto& [name, shape] : shapes_) names.push_back(name);
  return names;
}

std::vector<int64_t> OutlineSource::shape(const std::string& name) const {
  const auto found = shapes_.find(name);
  require(found != shapes_.end(), ErrorCode::Format, "{}: there is no such tensor", name);
  return found->second;
}

at::Tensor OutlineSource::load(const std::string& name) const {
  fail(ErrorCode::Internal, "{}: no weights are here", name);
}

std::unique_ptr<WeightSource> open_outline(const std::string& folder) {
  const std::string path = folder + "/config.json";
  const Json json = read_json_file(path);
  const ModelConfig config = read_model_config(folder);
  const at::ScalarType dtype = dtype_of(json, path);
  const std::string index = folder + "/model.safetensors.index.json";
  if (!std::filesystem::exists(index)) return std::make_unique<OutlineSource>(config, dtype);
  std::vector<std::string> names;
  const auto map = json_get<Json>(read_json_file(index), "weight_map", index);
  require(map.is_object(), ErrorCode::Format, "{}: \"weight_map\" is not an object", index);
  for (const auto& [name, file] : map.items()) names.push_back(name);
  return std::make_unique<OutlineSource>(config, dtype, names);
}

}  // namespace mpq
