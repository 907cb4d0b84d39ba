// Reads native checkpoints by what config.json says of every linear.
#include "mpq/core/error.h"
#include "mpq/format/native.h"
#include "mpq/format/packed_source.h"

namespace mpq {

std::unique_ptr<WeightSource> open_native(const std::string& folder, const Json& config) {
  const std::string where = folder + "/config.json: quantization_config";
  const auto schema = json_get<std::string>(config, "schema", where);
  require(schema == kNativeSchema, ErrorCode::Unsupported,
          "{}: schema is \"{}\", this mpq reads \"{}\"", where, schema, kNativeSchema);
  const Json listed = json_get<Json>(config, "linears", where);
  require(listed.is_object(), ErrorCode::Format, "{}: \"linears\" is not an object", where);
  std::map<std::string, PackedLinear> linears;
  for (const auto& [module, json] : listed.items()) {
    const std::string place = where + ": " + module;
    const auto shape = json_get<std::vector<int64_t>>(json, "shape", place);
    require(shape.size() == 2, ErrorCode::Format, "{}: \"shape\" is not [out, in]", place);
    const Encoding encoding = read_encoding(json, shape[0], shape[1], place);
    linears[module] = {encoding, shape[0], shape[1],
                       linear_plan(module, encoding, shape[0], shape[1])};
  }
  return open_packed(
      folder, open_safetensors_folder(folder), std::move(linears),
      [](const std::string& module, const PackedLinear& linear, const LoadTensor& load) {
        return read_linear(module, linear.encoding, linear.out, linear.in, load);
      });
}

}  // namespace mpq
