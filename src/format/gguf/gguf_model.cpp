// Puts the parts of the metadata together, in the converter's order.
#include "mpq/format/gguf_model.h"

#include "general.h"
#include "gguf_tokenizer.h"
#include "hyperparameters.h"
#include "mpq/model/architecture.h"
#include "tensors.h"

namespace mpq {
namespace {

constexpr uint32_t kQuantizationVersion = 2;  // GGML_QNT_VERSION

int64_t parameters_of(const std::vector<GgufTensor>& tensors) {
  int64_t total = 0;
  for (const GgufTensor& tensor : tensors) {
    int64_t size = 1;
    for (const int64_t dim : tensor.shape) size *= dim;
    total += size;
  }
  return total;
}

}  // namespace

GgufModel make_gguf_model(const std::string& folder, const WeightSource& weights,
                          uint32_t file_type) {
  const std::string where = folder + "/config.json";
  const ModelConfig model = read_model_config(folder);
  const Json config = read_json_file(where);
  const std::string architecture = gguf_architecture(model);
  GgufModel result;
  result.tensors = gguf_rope_factors(model.model_type, model.blocks.front().attention.rope);
  for (GgufTensor& tensor : gguf_tensors(model, weights))
    result.tensors.push_back(std::move(tensor));
  result.deviations = gguf_deviations(model);

  result.metadata = {{"general.architecture", architecture}};
  if (const double factor = gguf_rope_attention_factor(model); factor > 0)
    result.metadata.push_back(
        {architecture + ".rope.scaling.attn_factor", static_cast<float>(factor)});
  const auto append = [&](GgufMetadata part) {
    for (GgufEntry& entry : part) result.metadata.push_back(std::move(entry));
  };
  append(gguf_general(folder, config, parameters_of(result.tensors)));
  append(gguf_hyperparameters(model, config, file_type, where));
  append({{"general.quantization_version", kQuantizationVersion}});
  append(gguf_tokenizer(folder, model, config));
  return result;
}

}  // namespace mpq
