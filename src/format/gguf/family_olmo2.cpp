// OLMo 2: norms behind attention and MLP.
#include "families.h"

namespace mpq {

GgufFamily olmo2_family() {
  return {.model_type = "olmo2",
          .architecture = "olmo2",
          .class_name = "Olmo2ForCausalLM",
          .graph = {.output = GgufGraph::Output::Own, .square_heads = true},
          .head_dim = GgufFamily::HeadDim::WhereSaid};
}

}  // namespace mpq
