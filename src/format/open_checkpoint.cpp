// Chooses the reader of a checkpoint by its config.json.
#include "mpq/core/error.h"
#include "mpq/core/json_file.h"
#include "mpq/format/compressed_tensors.h"
#include "mpq/format/format.h"
#include "mpq/format/native.h"

namespace mpq {

std::unique_ptr<WeightSource> open_checkpoint(const std::string& folder) {
  const std::string path = folder + "/config.json";
  const Json config = read_json_file(path);
  require(config.is_object(), ErrorCode::Format, "{}: is not a JSON object", path);
  const auto quantization = json_get_or<Json>(config, "quantization_config", Json(), path);
  if (quantization.is_null()) return open_safetensors_folder(folder);
  const auto method = json_get<std::string>(quantization, "quant_method", path);
  if (method == "mpq") return open_native(folder, quantization);
  require(method == "compressed-tensors", ErrorCode::Unsupported,
          "{}: the checkpoint is quantized by \"{}\"; mpq reads full precision, its own format and "
          "compressed-tensors",
          path, method);
  return open_compressed_tensors(folder, quantization);
}

}  // namespace mpq
