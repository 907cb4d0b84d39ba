// Gemma 3, alone or with images: five layers of six have a window and a rope of their own.
#include "families.h"
#include "graph_checks.h"
#include "mpq/core/error.h"

namespace mpq {
namespace {

constexpr int64_t kLayersOf27B3 = 62;  // llama.cpp knows the largest by these
constexpr int64_t kEvery = 6;
constexpr int64_t kGemma3Window = 4096;
constexpr double kLocalBase = 10000;  // of the rope of windows, where nothing says it
constexpr const char* kLocalBaseKey = ".rope.freq_base_swa";

int64_t gemma3_scaled(int64_t layers, int64_t hidden, int64_t heads, int64_t head_dim) {
  return layers == kLayersOf27B3 ? hidden / heads : head_dim;
}

void add_gemma3_keys(GgufKeys& keys, const FamilyModel& of) {
  const auto cap = json_get_or<double>(of.config, "final_logit_softcapping", 0, of.where);
  if (cap != 0) keys.real("final_logit_softcapping", cap);
  if (json_get_or<int64_t>(of.config, "sliding_window_pattern", kEvery, of.where) == 1) return;
  keys.whole("attention.sliding_window",
             json_get_or<int64_t>(of.config, "sliding_window", kGemma3Window, of.where));
}

void check_gemma3(const ModelConfig& model, std::vector<std::string>& found) {
  const AttentionConfig& attention = model.blocks.front().attention;
  check_attention_scale(
      model, gemma3_scaled(model.layers, model.hidden, attention.heads, attention.head_dim), found);
  check_window_pattern(model, kEvery, found);
  if (attention.softcap != 0) found.push_back("attention is not soft-capped");
}

void read_gemma3(Json& config, const GgufFile&, const MetadataReader& reader) {
  const auto member = [&](const char* name) { return config.at(name).get<int64_t>(); };
  config["hidden_activation"] = config.at("hidden_act");
  config["query_pre_attn_scalar"] =
      gemma3_scaled(member("num_hidden_layers"), member("hidden_size"),
                    member("num_attention_heads"), member("head_dim"));
  const double cap = reader.find_real(".final_logit_softcapping").value_or(0);
  if (cap != 0) config["final_logit_softcapping"] = cap;
  config["rope_local_base_freq"] = reader.find_real(kLocalBaseKey).value_or(kLocalBase);
  const int64_t window = reader.find_whole(".attention.sliding_window").value_or(0);
  config["sliding_window"] = window > 0 ? window : kGemma3Window;
  config["sliding_window_pattern"] = window > 0 ? kEvery : 1;
}

}  // namespace

GgufFamily gemma3_text_family() {
  return {.model_type = "gemma3_text",
          .architecture = "gemma3",
          .class_name = "Gemma3ForCausalLM",
          .graph = {.gelu = true, .windows = true, .check = check_gemma3},
          .space_first = false,
          .rope_of_windows = true,
          .add_keys = add_gemma3_keys,
          .keys = {".attention.sliding_window", ".final_logit_softcapping", kLocalBaseKey},
          .read = read_gemma3};
}

GgufFamily gemma3_family() {
  GgufFamily family = gemma3_text_family();
  family.model_type = "gemma3";
  family.class_name = "Gemma3ForConditionalGeneration";
  return family;
}

}  // namespace mpq
