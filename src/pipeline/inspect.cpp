// Says what a file or a folder is.
#include "mpq/pipeline/inspect.h"

#include <filesystem>
#include <map>

#include "mpq/core/error.h"
#include "mpq/core/units.h"
#include "mpq/io/gguf.h"
#include "mpq/io/safetensors.h"
#include "mpq/model/architecture.h"
#include "mpq/pipeline/checkpoint_path.h"
#include "mpq/pipeline/session.h"

namespace mpq {
namespace fs = std::filesystem;
namespace {

Json inspect_plan(const Json& plan) {
  Json table = Json::array({Json::array({"unit", "spec", "bytes", "loss"})});
  for (const auto& unit : plan.at("units")) {
    table.push_back({unit.value("name", "?"), unit.value("spec", "?"), unit.value("bytes", 0),
                     fmt::format("{:.4g}", unit.value("loss", 0.0))});
  }
  return table;
}

Json inspect_sensitivity(const Json& file) {
  Json table = Json::array({Json::array({"unit", "score", "candidate", "bytes", "loss"})});
  for (const auto& unit : file.at("units")) {
    for (const auto& candidate : unit.at("candidates")) {
      table.push_back({unit.value("name", "?"), fmt::format("{:.4g}", unit.value("score", 0.0)),
                       candidate.value("spec", "?"), candidate.value("bytes", 0),
                       fmt::format("{:.4g}", candidate.value("loss", 0.0))});
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
  try {
    if (schema == "mpq-plan/1") result["table"] = inspect_plan(file);
    if (schema == "mpq-sensitivity/1") result["table"] = inspect_sensitivity(file);
  } catch (const nlohmann::json::exception&) {
    fail(ErrorCode::Format, "{}: is not a complete {}", path, schema);
  }
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
  const Json json = read_json_file(folder + "/config.json");
  const auto quantization = json.value("quantization_config", Json::object());
  Json result = {{"path", path},
                 {"kind", "checkpoint"},
                 {"model_type", config.model_type},
                 {"blocks", config.layers},
                 {"hidden", config.hidden},
                 {"vocab", config.vocab},
                 {"quantizable_weights", config.quantizable_weights()},
                 {"weight_files", format_bytes(weight_file_bytes(folder))},
                 {"quantization", quantization.value("quant_method", "none")}};
  const std::string plan = folder + "/plan.json";
  if (fs::exists(plan)) result["table"] = inspect_plan(read_json_file(plan));
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
