// Command R7B and A: LayerNorm, three layers of four with a window, which alone rotate.
#include "families.h"
#include "graph_checks.h"
#include "mpq/core/error.h"

namespace mpq {
namespace {

constexpr int64_t kCoherePattern = 4;
constexpr int64_t kCohereWindow = 4096;

void add_cohere2_keys(GgufKeys& keys, const FamilyModel& of) {
  keys.real("logit_scale", of.model.logits_scale);
  keys.whole("attention.sliding_window",
             json_get_or<int64_t>(of.config, "sliding_window", kCohereWindow, of.where));
  keys.whole("vocab_size", of.model.vocab);
  keys.whole("rope.dimension_count", of.attention().rope.dim);
  keys.text("rope.scaling.type", "none");
}

void check_cohere2(const ModelConfig& model, std::vector<std::string>& found) {
  check_window_pattern(model, kCoherePattern, found);
}

void read_cohere2(Json& config, const GgufFile&, const MetadataReader& reader) {
  config["logit_scale"] = reader.real(".logit_scale");
  config["sliding_window"] = reader.whole(".attention.sliding_window");
  config["sliding_window_pattern"] = kCoherePattern;
}

}  // namespace

GgufFamily cohere2_family() {
  return {.model_type = "cohere2",
          .architecture = "cohere2",
          .class_name = "Cohere2ForCausalLM",
          .graph = {.output = GgufGraph::Output::Embedding,
                    .square_heads = true,
                    .scales_rope = false,
                    .windows = true,
                    .check = check_cohere2},
          .layer_norm = true,
          .add_keys = add_cohere2_keys,
          .keys = {".logit_scale", ".attention.sliding_window"},
          .read = read_cohere2};
}

}  // namespace mpq
