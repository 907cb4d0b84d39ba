// All families; of those that share an architecture the first that a file is of comes first.
#include "families.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "mpq/core/error.h"

namespace mpq {
namespace {

const std::vector<GgufFamily>& all_families() {
  static const std::vector<GgufFamily> kFamilies = {
      mixtral_family(),   mistral_family(), llama_family(),   ministral3_family(),
      mistral3_family(),  qwen2_family(),   qwen3_family(),   qwen2_moe_family(),
      qwen3_moe_family(), phi3_family(),    gemma2_family(),  gemma3_text_family(),
      gemma3_family(),    olmo2_family(),   smollm3_family(), granite_family(),
      glm4_family(),      cohere2_family(), exaone4_family(), seed_oss_family()};
  return kFamilies;
}

/// By `name`, each once.
std::string listed(std::string_view GgufFamily::*name) {
  std::vector<std::string_view> names;
  for (const GgufFamily& family : all_families()) {
    if (std::find(names.begin(), names.end(), family.*name) == names.end())
      names.push_back(family.*name);
  }
  std::sort(names.begin(), names.end());
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

const GgufFamily& family_of_model(const std::string& model_type) {
  for (const GgufFamily& family : all_families()) {
    if (family.model_type == model_type) return family;
  }
  fail(ErrorCode::Unsupported,
       "GGUF: no names are known for the model type \"{}\"; it is written for {}", model_type,
       listed(&GgufFamily::model_type));
}

const GgufFamily& family_of_file(const GgufFile& file) {
  const MetadataReader general(file.metadata(), file.path());
  const std::string name = general.text("general.architecture");
  const MetadataReader reader(file.metadata(), file.path(), name);
  for (const GgufFamily& family : all_families()) {
    if (family.architecture == name && (family.is_of == nullptr || family.is_of(reader)))
      return family;
  }
  fail(ErrorCode::Unsupported, "{}: mpq does not compute \"{}\" from a GGUF file; it does {}",
       general.where("general.architecture"), name, listed(&GgufFamily::architecture));
}

}  // namespace mpq
