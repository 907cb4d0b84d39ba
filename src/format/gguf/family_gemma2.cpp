// Gemma 2: soft caps, a window on every other layer.
#include "families.h"
#include "graph_checks.h"
#include "mpq/core/error.h"

namespace mpq {
namespace {

constexpr int64_t kLayersOf27B = 46;  // llama.cpp knows the largest by these
constexpr double kBase = 10000;       // of the rope, which no file says
// What llama.cpp takes where a file has no such key.
constexpr double kAttentionCap = 50, kLogitsCap = 30;
constexpr int64_t kGemma2Window = 4096;

int64_t gemma2_scaled(int64_t layers, int64_t hidden, int64_t heads, int64_t head_dim) {
  return layers == kLayersOf27B ? hidden / heads : head_dim;
}

void add_gemma2_keys(GgufKeys& keys, const FamilyModel& of) {
  const AttentionConfig& attention = of.attention();
  keys.whole("context_length", of.model.max_positions);
  keys.whole("embedding_length", of.model.hidden);
  keys.whole("block_count", of.model.layers);
  keys.whole("feed_forward_length", of.block().intermediate);
  keys.whole("attention.head_count", attention.heads);
  keys.whole("attention.head_count_kv", attention.kv_heads);
  keys.real("attention.layer_norm_rms_epsilon", of.block().norm.eps);
  keys.whole("attention.key_length", attention.head_dim);
  keys.whole("attention.value_length", attention.head_dim);
  keys.file_type(of.file_type);
  keys.real("attn_logit_softcapping", attention.softcap);
  keys.real("final_logit_softcapping", of.model.logits_softcap);
  keys.whole("attention.sliding_window",
             json_get_or<int64_t>(of.config, "sliding_window", kGemma2Window, of.where));
}

void check_gemma2(const ModelConfig& model, std::vector<std::string>& found) {
  const AttentionConfig& attention = model.blocks.front().attention;
  check_attention_scale(
      model, gemma2_scaled(model.layers, model.hidden, attention.heads, attention.head_dim), found);
  if (attention.rope.theta != kBase)
    found.push_back(fmt::format("the rope base is {}, not {}", kBase, attention.rope.theta));
  if (attention.softcap == 0 || model.logits_softcap == 0)
    found.push_back("attention and logits are soft-capped always");
  check_window_pattern(model, 2, found);
}

void read_gemma2(Json& config, const GgufFile&, const MetadataReader& reader) {
  const auto member = [&](const char* name) { return config.at(name).get<int64_t>(); };
  config["hidden_activation"] = config.at("hidden_act");
  config["query_pre_attn_scalar"] =
      gemma2_scaled(member("num_hidden_layers"), member("hidden_size"),
                    member("num_attention_heads"), member("head_dim"));
  config["attn_logit_softcapping"] =
      reader.find_real(".attn_logit_softcapping").value_or(kAttentionCap);
  config["final_logit_softcapping"] =
      reader.find_real(".final_logit_softcapping").value_or(kLogitsCap);
  config["sliding_window"] = reader.find_whole(".attention.sliding_window").value_or(kGemma2Window);
}

}  // namespace

GgufFamily gemma2_family() {
  return {
      .model_type = "gemma2",
      .architecture = "gemma2",
      .class_name = "Gemma2ForCausalLM",
      .graph = {.output = GgufGraph::Output::Embedding,
                .gelu = true,
                .scales_rope = false,
                .windows = true,
                .check = check_gemma2},
      .space_first = false,
      .add_keys = add_gemma2_keys,
      .own_order = true,
      .keys = {".attention.sliding_window", ".attn_logit_softcapping", ".final_logit_softcapping"},
      .read = read_gemma2};
}

}  // namespace mpq
