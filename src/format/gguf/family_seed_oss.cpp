// Seed-OSS: biases of queries, keys and values.
#include "families.h"
#include "folder_parts.h"

namespace mpq {
namespace {

void read_seed_oss(Json& config, const GgufFile& file, const MetadataReader&) {
  read_qkv_biases(config, file, "attention_bias");
}

}  // namespace

GgufFamily seed_oss_family() {
  return {.model_type = "seed_oss",
          .architecture = "seed_oss",
          .class_name = "SeedOssForCausalLM",
          .mlp_norm = "post_attention_norm",
          .read = read_seed_oss};
}

}  // namespace mpq
