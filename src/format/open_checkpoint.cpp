// Chooses the reader of a checkpoint by its config.json.
#include <filesystem>

#include "mpq/core/error.h"
#include "mpq/format/awq_source.h"
#include "mpq/format/checkpoint_writer.h"
#include "mpq/format/format.h"
#include "mpq/format/small_floats_source.h"

namespace mpq {

Json quantization_of(const Json& config) {
  for (const char* key : {"quantization_config", "quantization"}) {
    auto quantization = json_get_or<Json>(config, key, Json(), "config.json");
    if (!quantization.is_null()) return quantization;
  }
  return nullptr;
}

std::string quant_method(const Json& config) {
  const Json quantization = quantization_of(config);
  if (quantization.is_null()) return "";
  return json_get_or<std::string>(quantization, "quant_method", "unnamed",
                                  "config.json: quantization_config");
}

namespace {

/// Null: there is none.
Json read_config(const std::string& folder) {
  const std::string path = folder + "/config.json";
  Json config = std::filesystem::exists(path) ? read_json_file(path) : Json();
  require(config.is_object() || config.is_null(), ErrorCode::Format, "{}: is not a JSON object",
          path);
  return config;
}

struct Opened {
  std::string format;
  std::unique_ptr<WeightSource> source;
};

/// By the first format that knows the folder as its own.
Opened open_by_format(const std::string& folder, const Json& config) {
  const auto& formats = Registry<Format>::instance();
  for (const auto& name : formats.names()) {
    if (auto source = formats.make(name)->open(folder, config)) return {name, std::move(source)};
  }
  return {};
}

}  // namespace

std::string checkpoint_format(const std::string& folder) {
  return open_by_format(folder, read_config(folder)).format;
}

std::unique_ptr<WeightSource> open_checkpoint(const std::string& folder) {
  const std::string path = folder + "/config.json";
  const Json config = read_config(folder);
  if (Opened opened = open_by_format(folder, config); opened.source != nullptr)
    return std::move(opened.source);
  if (config.is_null()) read_json_file(path);  // says what is wrong with it
  const std::string method = quant_method(config);
  if (method == "fp8" || method == "modelopt")
    return open_small_floats(folder, quantization_of(config));
  if (method == "awq") return open_awq(folder, quantization_of(config));
  // gpt-oss: its blocks are read by their names (model/expert_source.h).
  const bool readable = method.empty() || method == "mxfp4";
  require(readable, ErrorCode::Unsupported,
          "{}: the checkpoint is quantized by \"{}\", which mpq does not read; give the model it "
          "was made from",
          path, method);
  return open_safetensors_folder(folder);
}

}  // namespace mpq
