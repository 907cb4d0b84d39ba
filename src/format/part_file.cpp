// Reads a part; every shape is checked when it is opened, every value when it is read.
#include "part_file.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include "mpq/core/error.h"
#include "mpq/core/json_file.h"
#include "mpq/format/linear_tensors.h"

namespace mpq {
namespace {

Json parse_description(const SafetensorsFile& file) {
  const auto found = file.metadata().find(kPartKey);
  require(found != file.metadata().end(), ErrorCode::Format,
          "{}: has no \"{}\" in its metadata; it is not a part that mpq wrote", file.path(),
          kPartKey);
  try {
    return Json::parse(found->second);
  } catch (const nlohmann::json::exception&) {
    fail(ErrorCode::Format, "{}: \"{}\" in its metadata is not JSON", file.path(), kPartKey);
  }
}

}  // namespace

PartFile::PartFile(const std::string& path) : file_(path) {
  const Json description = parse_description(file_);
  const auto schema = json_get<std::string>(description, "schema", path);
  require(schema == kPartSchema, ErrorCode::Format, "{}: schema is \"{}\", expected \"{}\"", path,
          schema, kPartSchema);
  for (const auto& [name, entry] : file_.tensors()) tensors_[name] = entry.shape;
  const auto linears = json_get<Json>(description, "linears", path);
  require(linears.is_object(), ErrorCode::Format, "{}: \"linears\" is not an object", path);
  for (const auto& [module, json] : linears.items()) {
    const std::string where = path + ": " + module;
    const auto out = json_get<int64_t>(json, "out", where);
    const auto in = json_get<int64_t>(json, "in", where);
    add_linear(module, {read_encoding(json, out, in, where), out, in});
  }
}

void PartFile::add_linear(const std::string& module, const Layout& layout) {
  const std::string where = file_.path() + ": " + module;
  const auto& [encoding, out, in] = layout;
  const auto expect = [&](const TensorPlan& tensor) {
    const auto found = file_.tensors().find(tensor.name);
    require(found != file_.tensors().end() && found->second.dtype == tensor.dtype &&
                found->second.shape == tensor.shape,
            ErrorCode::Format, "{}: {} is missing or is not {} [{}]", where, tensor.name,
            at::toString(tensor.dtype), fmt::join(tensor.shape, ", "));
    tensors_.erase(tensor.name);
  };
  for (const auto& tensor : linear_plan(module, encoding, out, in)) expect(tensor);
  if (tensors_.count(module + kInputScale) != 0) expect({module + kInputScale, at::kFloat, {in}});
  linears_[module] = layout;
}

QuantizedLinear PartFile::linear(const std::string& module) const {
  const auto found = linears_.find(module);
  require(found != linears_.end(), ErrorCode::Internal, "{}: holds no linear {}", file_.path(),
          module);
  const auto& [encoding, out, in] = found->second;
  QuantizedLinear linear = read_linear(module, encoding, out, in,
                                       [&](const std::string& name) { return file_.tensor(name); });
  linear.input_scale = input_scale(module);
  return linear;
}

at::Tensor PartFile::input_scale(const std::string& module) const {
  const std::string name = module + kInputScale;
  if (file_.tensors().count(name) == 0) return {};
  at::Tensor scale = file_.tensor(name).clone();
  require(scale.gt(0).all().item<bool>(), ErrorCode::Format,
          "{}: {}: an input scale is not positive; the file is damaged", file_.path(), module);
  return scale;
}

}  // namespace mpq
