// Puts the parts of the metadata together, in the converter's order.
#include "mpq/format/gguf_model.h"

#include "family.h"
#include "general.h"
#include "gguf_tokenizer.h"
#include "hyperparameters.h"
#include "mpq/model/architecture.h"
#include "mpq/model/tensor_names.h"
#include "tensors.h"

namespace mpq {
namespace {

constexpr uint32_t kQuantizationVersion = 2;  // GGML_QNT_VERSION

}  // namespace

GgufModel make_gguf_model(const std::string& folder, const WeightSource& weights,
                          uint32_t file_type) {
  const std::string where = folder + "/config.json";
  const ModelConfig model = laid_out(read_model_config(folder), weights);
  const Json config = read_json_file(where);
  const GgufFamily& family = family_of_model(model.model_type);
  const RopeConfig& rope = model.blocks.front().attention.rope;
  GgufModel result;
  result.tensors = gguf_rope_factors(family.graph, rope);
  for (GgufTensor& tensor : gguf_tensors(model, weights))
    result.tensors.push_back(std::move(tensor));
  result.deviations = gguf_deviations(family, model);

  const std::string architecture(family.architecture);
  result.metadata = {{"general.architecture", architecture}};
  if (const double factor = gguf_rope_attention_factor(family.graph, rope); factor > 0)
    result.metadata.push_back(
        {architecture + ".rope.scaling.attn_factor", static_cast<float>(factor)});
  const auto append = [&](GgufMetadata part) {
    for (GgufEntry& entry : part) result.metadata.push_back(std::move(entry));
  };
  append(gguf_general(folder, config, result.tensors));
  append(gguf_hyperparameters(family, model, config, file_type, where));
  append({{"general.quantization_version", kQuantizationVersion}});
  append(gguf_tokenizer(folder, family, model, config));
  return result;
}

}  // namespace mpq
