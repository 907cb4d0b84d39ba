// EXAONE 4: norms behind; of the largest three layers of four have a window, which alone rotate.
#include <algorithm>

#include "families.h"
#include "graph_checks.h"
#include "mpq/core/error.h"

namespace mpq {
namespace {

constexpr int64_t kLayersWithWindows = 64;  // llama.cpp looks for windows in no other size
constexpr int64_t kExaonePattern = 4, kExaoneWindow = 4096;
constexpr const char* kPattern = ".attention.sliding_window_pattern";

bool slides(const BlockConfig& block) { return block.attention.window > 0; }

void add_exaone4_keys(GgufKeys& keys, const FamilyModel& of) {
  keys.whole("vocab_size", of.model.vocab);
  const auto window = of.config.find("sliding_window");
  if (window != of.config.end() && window->is_null()) return;
  keys.whole("attention.sliding_window",
             json_get_or<int64_t>(of.config, "sliding_window", kExaoneWindow, of.where));
  std::vector<bool> pattern;
  for (const BlockConfig& block : of.model.blocks) pattern.push_back(slides(block));
  keys.flags("attention.sliding_window_pattern", pattern);
}

void check_exaone4(const ModelConfig& model, std::vector<std::string>& found) {
  const bool any = std::any_of(model.blocks.begin(), model.blocks.end(), slides);
  const bool largest = model.layers == kLayersWithWindows;
  if (any && !largest) found.push_back("attention has no sliding window, and all layers rotate");
  if (!any && largest) check_window_pattern(model, kExaonePattern, found);
}

void read_exaone4(Json& config, const GgufFile&, const MetadataReader& reader) {
  config["sliding_window"] = nullptr;
  const auto layers = config.at("num_hidden_layers").get<int64_t>();
  if (layers != kLayersWithWindows) return;
  config["sliding_window"] = reader.find_whole(".attention.sliding_window").value_or(kExaoneWindow);
  config["sliding_window_pattern"] = kExaonePattern;
  if (!reader.has(kPattern)) return;
  const std::vector<bool>& flags = reader.flags(kPattern);
  require(static_cast<int64_t>(flags.size()) == layers, ErrorCode::Format,
          "{}: expected {} flags, found {}", reader.where(kPattern), layers, flags.size());
  Json types = Json::array();
  for (const bool slides : flags) types.push_back(slides ? "sliding_attention" : "full_attention");
  config["layer_types"] = types;
}

}  // namespace

GgufFamily exaone4_family() {
  return {.model_type = "exaone4",
          .architecture = "exaone4",
          .class_name = "Exaone4ForCausalLM",
          .graph = {.square_heads = true,
                    .llama3_factors = true,
                    .windows = true,
                    .check = check_exaone4},
          .head_dim = GgufFamily::HeadDim::WhereSaid,
          .add_keys = add_exaone4_keys,
          .keys = {".attention.sliding_window", kPattern},
          .read = read_exaone4};
}

}  // namespace mpq
