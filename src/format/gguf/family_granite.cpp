// Granite (dense): four multipliers.
#include <cmath>

#include "families.h"
#include "folder_parts.h"
#include "mpq/core/error.h"

namespace mpq {
namespace {

/// 0 stands for none.
struct Multiplier {
  const char* member;
  const char* key;
};
constexpr Multiplier kMultipliers[] = {{"attention_multiplier", ".attention.scale"},
                                       {"embedding_multiplier", ".embedding_scale"},
                                       {"residual_multiplier", ".residual_scale"},
                                       {"logits_scaling", ".logit_scale"}};

void add_granite_keys(GgufKeys& keys, const FamilyModel& of) {
  for (const auto& [member, key] : kMultipliers) {
    const auto value = json_get_or<double>(of.config, member, 1, of.where);
    if (value != 0) keys.real(key + 1, value);
  }
}

void check_granite(const ModelConfig& model, std::vector<std::string>& found) {
  const BlockConfig& block = model.blocks.front();
  if (block.attention.scale == 0 || block.residual_scale == 0 || model.embedding_scale == 0)
    found.push_back("a multiplier of 0 stands for none");
}

void read_granite(Json& config, const GgufFile& file, const MetadataReader& reader) {
  require(reader.find_flag(".rope.scaling.finetuned").value_or(true), ErrorCode::Unsupported,
          "{}: of Granite this asks for a model without positions, which mpq does not compute",
          reader.where(".rope.scaling.finetuned"));
  // What llama.cpp takes where the file does not say.
  const auto heads = config.at("num_attention_heads").get<double>();
  config["attention_multiplier"] = std::sqrt(heads / config.at("hidden_size").get<double>());
  reader.real(".logit_scale");  // which it demands
  for (const auto& [member, key] : kMultipliers) {
    const double value = reader.find_real(key).value_or(0);
    if (value != 0) config[member] = value;
  }
  read_all_biases(config, file);
}

}  // namespace

GgufFamily granite_family() {
  return {.model_type = "granite",
          .architecture = "granite",
          .class_name = "GraniteForCausalLM",
          .graph = {.all_biases = true,
                    .square_heads = true,
                    .llama3_factors = true,
                    .check = check_granite},
          .head_dim = GgufFamily::HeadDim::Never,
          .of_llama = true,
          .add_keys = add_granite_keys,
          .keys = {".attention.scale", ".embedding_scale", ".residual_scale", ".logit_scale"},
          .read = read_granite};
}

}  // namespace mpq
