// Qwen 2, 2.5 and 3.
#include "families.h"

namespace mpq {

GgufFamily qwen2_family() {
  return {.model_type = "qwen2",
          .architecture = "qwen2",
          .class_name = "Qwen2ForCausalLM",
          .head_dim = GgufFamily::HeadDim::WhereSaid};
}

GgufFamily qwen3_family() {
  return {.model_type = "qwen3", .architecture = "qwen3", .class_name = "Qwen3ForCausalLM"};
}

}  // namespace mpq
