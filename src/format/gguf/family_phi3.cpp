// Phi-3 and Phi-4: fused linears, a part of each head rotated, long and short factors.
#include "families.h"

namespace mpq {
namespace {

constexpr const char* kWindow = ".attention.sliding_window";

void add_phi3_keys(GgufKeys& keys, const FamilyModel& of) {
  const AttentionConfig& attention = of.attention();
  keys.whole("context_length", of.model.max_positions);
  keys.whole("rope.scaling.original_context_length", attention.rope.original_max_positions);
  keys.whole("embedding_length", of.model.hidden);
  keys.whole("feed_forward_length", of.block().intermediate);
  keys.whole("block_count", of.model.layers);
  keys.whole("attention.head_count", attention.heads);
  keys.whole("attention.head_count_kv", attention.kv_heads);
  keys.real("attention.layer_norm_rms_epsilon", of.block().norm.eps);
  keys.whole("rope.dimension_count", attention.rope.dim);
  keys.real("rope.freq_base", attention.rope.theta);
  keys.file_type(of.file_type);
  keys.whole("attention.sliding_window",
             json_get_or<int64_t>(of.config, "sliding_window", 0, of.where));
}

void read_phi3(Json& config, const GgufFile&, const MetadataReader& reader) {
  if (const auto original = reader.find_whole(".rope.scaling.original_context_length"))
    config["original_max_position_embeddings"] = *original;
  const int64_t window = reader.find_whole(kWindow).value_or(0);
  if (window > 0) config["sliding_window"] = window;
}

}  // namespace

GgufFamily phi3_family() {
  return {
      .model_type = "phi3",
      .architecture = "phi3",
      .class_name = "Phi3ForCausalLM",
      .graph = {.rotates_part = true, .scales_rope = false, .long_factors = true, .windows = true},
      .head_dim = GgufFamily::HeadDim::WhereSaid,
      .add_keys = add_phi3_keys,
      .own_order = true,
      .keys = {kWindow},
      .read = read_phi3};
}

}  // namespace mpq
