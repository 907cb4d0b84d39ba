// Says what a file or a folder is.
#include "mpq/pipeline/inspect.h"

#include <filesystem>
#include <map>

#include "mpq/core/error.h"
#include "mpq/core/units.h"
#include "mpq/format/checkpoint_writer.h"
#include "mpq/io/gguf.h"
#include "mpq/io/safetensors.h"
#include "mpq/model/architecture.h"
#include "mpq/pipeline/checkpoint_path.h"
#include "mpq/pipeline/session.h"

namespace mpq {
namespace fs = std::filesystem;
namespace {

std::string text_of(const Json& object, const char* key, const std::string& where) {
  return json_get_or<std::string>(object, key, "?", where);
}

std::string number_of(const Json& object, const char* key, const std::string& where) {
  return fmt::format("{:.4g}", json_get_or<double>(object, key, 0.0, where));
}

Json inspect_plan(const Json& plan, const std::string& where) {
  Json table = Json::array({Json::array({"unit", "spec", "bytes", "loss"})});
  for (const auto& unit : json_get<std::vector<Json>>(plan, "units", where)) {
    table.push_back({text_of(unit, "name", where), text_of(unit, "spec", where),
                     json_get_or<int64_t>(unit, "bytes", 0, where),
                     number_of(unit, "loss", where)});
  }
  return table;
}

Json inspect_sensitivity(const Json& file, const std::string& where) {
  Json table = Json::array({Json::array({"unit", "score", "candidate", "bytes", "loss"})});
  for (const auto& unit : json_get<std::vector<Json>>(file, "units", where)) {
    for (const auto& candidate : json_get<std::vector<Json>>(unit, "candidates", where)) {
      table.push_back({text_of(unit, "name", where), number_of(unit, "score", where),
                       text_of(candidate, "spec", where),
                       json_get_or<int64_t>(candidate, "bytes", 0, where),
                       number_of(candidate, "loss", where)});
    }
  }
  return table;
}

Json inspect_json(const std::string& path) {
  const Json file = read_json_file(path);
  const auto schema = json_get_or<std::string>(file, "schema", "JSON without a schema", path);
  Json result = {{"path", path}, {"kind", schema}};
  for (const auto& [key, value] : file.items()) {
    if (key != "units" && key != "schema" && json_text(value).size() < 300) result[key] = value;
  }
  if (schema == "mpq-plan/1") result["table"] = inspect_plan(file, path);
  if (schema == "mpq-sensitivity/1") result["table"] = inspect_sensitivity(file, path);
  return result;
}

Json inspect_tensors(const std::string& path) {
  const SafetensorsFile file(path);
  Json table = Json::array({Json::array({"tensor", "dtype", "shape", "bytes"})});
  for (const auto& [name, entry] : file.tensors()) {
    table.push_back(
        {name, at::toString(entry.dtype), Json(entry.shape).dump(), entry.end - entry.begin});
  }
  return {{"path", path}, {"kind", "safetensors"}, {"metadata", file.metadata()}, {"table", table}};
}

Json gguf_table(const std::string& path) {
  const GgufFile file(path);
  Json table = Json::array({Json::array({"tensor", "type", "shape", "bytes"})});
  for (const auto& tensor : file.tensors())
    table.push_back({tensor.name, tensor.type.name, Json(tensor.shape()).dump(), tensor.bytes});
  return table;
}

Json inspect_checkpoint(const std::string& path) {
  const std::string folder = checkpoint_folder(path);
  const ModelConfig config = read_model_config(folder);
  const std::string method = quant_method(read_json_file(folder + "/config.json"));
  Json result = {{"path", path},
                 {"kind", "checkpoint"},
                 {"model_type", config.model_type},
                 {"blocks", config.layers},
                 {"hidden", config.hidden},
                 {"vocab", config.vocab},
                 {"quantizable_weights", config.quantizable_weights()},
                 {"weight_files", format_bytes(weight_file_bytes(folder))},
                 {"quantization", method.empty() ? "none" : method}};
  const std::string plan = folder + "/plan.json";
  if (fs::exists(plan)) result["table"] = inspect_plan(read_json_file(plan), plan);
  return result;
}

/// One that mpq cannot compute has its tensors at least.
Json inspect_gguf(const std::string& path) {
  Json result;
  try {
    result = inspect_checkpoint(path);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::Unsupported) throw;
    result = {{"path", path}, {"kind", "gguf"}, {"unsupported", error.what()}};
  }
  result["table"] = gguf_table(path);
  return result;
}

}  // namespace

Json inspect(const std::string& path) {
  require(fs::exists(path), ErrorCode::Io, "{}: there is no such file or folder", path);
  if (fs::is_directory(path)) {
    if (fs::exists(path + "/config.json")) return inspect_checkpoint(path);
    require(fs::exists(path + "/manifest.json"), ErrorCode::Unsupported,
            "{}: is neither a checkpoint (config.json) nor a work folder (manifest.json)", path);
    return inspect_json(path + "/manifest.json");
  }
  if (is_gguf_file(path)) return inspect_gguf(path);
  return fs::path(path).extension() == ".safetensors" ? inspect_tensors(path) : inspect_json(path);
}

}  // namespace mpq
