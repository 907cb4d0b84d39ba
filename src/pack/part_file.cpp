// Reads a part; every shape is checked when it is opened, every value when it is read.
#include "part_file.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include "mpq/core/bitpack.h"
#include "mpq/core/error.h"
#include "mpq/core/json_file.h"
#include "mpq/pack/packed_tensor.h"

namespace mpq {
namespace {

constexpr int64_t kMaxColumns = int64_t{1} << 40;

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
    const Scheme scheme{json_get<int>(json, "bits", where), json_get<int>(json, "group", where),
                        json_get<bool>(json, "symmetric", where),
                        json_get<bool>(json, "float_zero", where)};
    add_linear(module, scheme, json_get<int64_t>(json, "in", where));
  }
}

void PartFile::add_linear(const std::string& module, Scheme scheme, int64_t in) {
  const std::string where = file_.path() + ": " + module;
  const int64_t columns = group_columns(scheme, in);
  require(scheme.bits >= 2 && scheme.bits <= 8 && in > 0 && in < kMaxColumns && columns > 0 &&
              in % columns == 0,
          ErrorCode::Format, "{}: bits={}, group={}, in={} do not make a scheme", where,
          scheme.bits, scheme.group, in);
  const auto codes = file_.tensors().find(module + ".codes");
  require(codes != file_.tensors().end() && codes->second.shape.size() == 2, ErrorCode::Format,
          "{}: there is no matrix {}.codes", where, module);
  const int64_t out = codes->second.shape[0];
  const auto words = static_cast<int64_t>(packed_words(static_cast<size_t>(in), scheme.bits));
  const auto expect = [&](const char* suffix, at::ScalarType dtype, std::vector<int64_t> shape) {
    const auto found = file_.tensors().find(module + suffix);
    require(found != file_.tensors().end() && found->second.dtype == dtype &&
                found->second.shape == shape,
            ErrorCode::Format, "{}: {}{} is missing or is not {} [{}]", where, module, suffix,
            at::toString(dtype), fmt::join(shape, ", "));
    tensors_.erase(module + suffix);
  };
  require(out > 0, ErrorCode::Format, "{}: {}.codes has no rows", where, module);
  expect(".codes", at::kInt, {out, words});
  expect(".scale", at::kFloat, {out, in / columns});
  expect(".zero", scheme.float_zero ? at::kFloat : at::kByte, {out, in / columns});
  if (tensors_.count(module + kInputScale) != 0) expect(kInputScale, at::kFloat, {in});
  linears_[module] = {scheme, out, in};
}

QuantizedLinear PartFile::linear(const std::string& module) const {
  const auto found = linears_.find(module);
  require(found != linears_.end(), ErrorCode::Internal, "{}: holds no linear {}", file_.path(),
          module);
  const Layout& layout = found->second;
  QuantizedLinear linear{
      layout.scheme, unpack_rows(file_.tensor(module + ".codes"), layout.scheme.bits, layout.in),
      file_.tensor(module + ".scale").clone(), file_.tensor(module + ".zero").clone()};
  if (file_.tensors().count(module + kInputScale) != 0)
    linear.input_scale = file_.tensor(module + kInputScale).clone();
  require((layout.scheme.float_zero ||
           linear.zero.max().item<int64_t>() < (int64_t{1} << layout.scheme.bits)) &&
              at::isfinite(linear.zero.to(at::kFloat)).all().item<bool>() &&
              (!linear.input_scale.defined() || linear.input_scale.gt(0).all().item<bool>()) &&
              at::isfinite(linear.scale).all().item<bool>(),
          ErrorCode::Format,
          "{}: {}: a scale is not finite or a zero point exceeds {} bits; the file is damaged",
          file_.path(), module, layout.scheme.bits);
  return linear;
}

}  // namespace mpq
