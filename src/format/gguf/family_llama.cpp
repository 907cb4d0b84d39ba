// Llama 1 to 3, and Mistral and Mixtral, which llama.cpp knows as Llama.
#include "families.h"
#include "folder_parts.h"

namespace mpq {
namespace {

bool has_window_key(const MetadataReader& reader) {
  return reader.find_whole(".attention.sliding_window").value_or(0) > 0;
}

bool has_experts(const MetadataReader& reader) {
  return reader.find_whole(".expert_count").value_or(0) > 0;
}

void read_llama(Json& config, const GgufFile& file, const MetadataReader&) {
  read_all_biases(config, file);
}

/// No converter of today writes the window, and llama.cpp does not read it.
void read_mistral(Json& config, const GgufFile&, const MetadataReader& reader) {
  config["sliding_window"] = reader.whole(".attention.sliding_window");
}

void read_mixtral(Json& config, const GgufFile&, const MetadataReader& reader) {
  read_expert_counts(config, reader, "num_local_experts");
}

}  // namespace

GgufFamily llama_family() {
  return {.model_type = "llama",
          .architecture = "llama",
          .class_name = "LlamaForCausalLM",
          .graph = {.all_biases = true, .llama3_factors = true},
          .of_llama = true,
          .keys = {".attention.sliding_window"},
          .read = read_llama};
}

GgufFamily mistral_family() {
  GgufFamily family = llama_family();
  family.model_type = "mistral";
  family.class_name = "MistralForCausalLM";
  family.is_of = has_window_key;
  family.read = read_mistral;
  return family;
}

GgufFamily mixtral_family() {
  GgufFamily family = llama_family();
  family.model_type = "mixtral";
  family.class_name = "MixtralForCausalLM";
  family.head_dim = GgufFamily::HeadDim::WhereSaid;
  family.keys = {".expert_count", ".expert_used_count"};
  family.is_of = has_experts;
  family.read = read_mixtral;
  return family;
}

}  // namespace mpq
