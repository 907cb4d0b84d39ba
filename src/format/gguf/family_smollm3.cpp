// SmolLM3: every fourth layer does not rotate.
#include "families.h"
#include "folder_parts.h"

namespace mpq {
namespace {

constexpr int64_t kUnrotated = 4;

void check_smollm3(const ModelConfig& model, std::vector<std::string>& found) {
  for (int64_t layer = 0; layer < model.layers; ++layer) {
    if (model.block(layer).attention.rotates == ((layer + 1) % kUnrotated != 0)) continue;
    found.push_back("all layers but every fourth rotate");
    return;
  }
}

void read_smollm3(Json& config, const GgufFile& file, const MetadataReader&) {
  read_all_biases(config, file);
}

}  // namespace

GgufFamily smollm3_family() {
  return {.model_type = "smollm3",
          .architecture = "smollm3",
          .class_name = "SmolLM3ForCausalLM",
          .graph = {.check = check_smollm3},
          .head_dim = GgufFamily::HeadDim::WhereSaid,
          .of_llama = true,
          .read = read_smollm3};
}

}  // namespace mpq
