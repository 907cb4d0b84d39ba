// GLM-4 0414: a fused MLP, half of each head rotated.
#include "families.h"
#include "folder_parts.h"

namespace mpq {
namespace {

void add_glm4_keys(GgufKeys& keys, const FamilyModel& of) {
  keys.whole("rope.dimension_count", of.attention().rope.dim);
}

void read_glm4(Json& config, const GgufFile& file, const MetadataReader&) {
  read_qkv_biases(config, file, "attention_bias");
}

}  // namespace

GgufFamily glm4_family() {
  return {.model_type = "glm4",
          .architecture = "glm4",
          .class_name = "Glm4ForCausalLM",
          .graph = {.rotates_part = true},
          .special_tokens = {{"eos", "<|endoftext|>"},
                             {"eot", "<|user|>"},
                             {"unk", "<|endoftext|>"},
                             {"bos", "<|endoftext|>"}},
          .add_keys = add_glm4_keys,
          .read = read_glm4};
}

}  // namespace mpq
