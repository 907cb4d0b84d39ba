// The inverse of hyperparameters.cpp.
#include "folder_config.h"

#include <algorithm>
#include <string_view>

#include "folder_rope.h"
#include "hyperparameters.h"
#include "metadata_reader.h"
#include "mpq/core/utf8.h"

namespace mpq {
namespace {

struct Family {
  std::string_view name;  // llama.cpp's, and the model_type
  const char* classes;    // "architectures" of transformers
};
constexpr Family kFamilies[] = {{"llama", "LlamaForCausalLM"},
                                {"qwen2", "Qwen2ForCausalLM"},
                                {"qwen3", "Qwen3ForCausalLM"},
                                {"phi3", "Phi3ForCausalLM"},
                                {"gemma2", "Gemma2ForCausalLM"}};

/// Keys that are read here or in folder_rope.cpp, or that say nothing about what is computed.
constexpr std::string_view kKeys[] = {".block_count",
                                      ".context_length",
                                      ".embedding_length",
                                      ".feed_forward_length",
                                      ".vocab_size",
                                      ".attention.head_count",
                                      ".attention.head_count_kv",
                                      ".attention.key_length",
                                      ".attention.value_length",
                                      ".attention.layer_norm_rms_epsilon",
                                      ".rope.freq_base",
                                      ".rope.dimension_count",
                                      ".rope.scale_linear",
                                      ".rope.scaling.type",
                                      ".rope.scaling.factor",
                                      ".rope.scaling.attn_factor",
                                      ".rope.scaling.original_context_length",
                                      ".rope.scaling.finetuned",
                                      ".rope.scaling.yarn_attn_factor",
                                      ".rope.scaling.yarn_beta_fast",
                                      ".rope.scaling.yarn_beta_slow",
                                      ".tensor_data_layout"};
/// Of some families only.
constexpr std::pair<std::string_view, std::string_view> kFamilyKeys[] = {
    {"llama", ".attention.sliding_window"},
    {"phi3", ".attention.sliding_window"},
    {"gemma2", ".attention.sliding_window"},
    {"gemma2", ".attn_logit_softcapping"},
    {"gemma2", ".final_logit_softcapping"}};
/// Keys that say nothing when they are 0.
constexpr std::string_view kCounts[] = {".expert_count", ".expert_used_count",
                                        ".attention.sliding_window"};

// What llama.cpp takes where a Gemma 2 has no such key.
constexpr double kGemmaAttentionCap = 50, kGemmaLogitsCap = 30;
constexpr int64_t kGemmaWindow = 4096;

const Family& family_of(const MetadataReader& reader) {
  const std::string name = reader.text("general.architecture");
  for (const Family& family : kFamilies) {
    if (family.name == name) return family;
  }
  fail(
      ErrorCode::Unsupported,
      "{}: mpq does not compute \"{}\"; supported: llama (Mistral too), qwen2, qwen3, phi3, gemma2",
      reader.where("general.architecture"), name);
}

void refuse_parts(const MetadataReader& reader) {
  const auto type = reader.find_text("general.type");
  require(!type || *type == "model", ErrorCode::Unsupported, "{}: expected a model, found \"{}\"",
          reader.where("general.type"), type.value_or(""));
  require(reader.find_whole("split.count").value_or(1) <= 1, ErrorCode::Unsupported,
          "{}: the model is cut into several files; join them with llama.cpp's `llama-gguf-split "
          "--merge`",
          reader.where("split.count"));
}

/// A key that is not known may ask for what mpq does not compute.
void refuse_unknown_keys(const GgufFile& file, const Family& family, const MetadataReader& reader) {
  for (const GgufEntry& entry : file.metadata()) {
    if (!entry.key.starts_with(std::string(family.name) + ".")) continue;
    const std::string_view key = std::string_view(entry.key).substr(family.name.size());
    const bool known = std::find(std::begin(kKeys), std::end(kKeys), key) != std::end(kKeys) ||
                       std::find(std::begin(kFamilyKeys), std::end(kFamilyKeys),
                                 std::pair(family.name, key)) != std::end(kFamilyKeys);
    if (known) continue;
    const bool is_count =
        std::find(std::begin(kCounts), std::end(kCounts), key) != std::end(kCounts);
    require(is_count && reader.find_whole(key) == 0, ErrorCode::Unsupported,
            "{}: mpq does not know what this asks for, and does not compute the model without it",
            repaired_utf8(reader.where(key)));
  }
}

/// Whether the first block has biases there; a family has them on all of these linears or on none.
bool has_biases(const GgufFile& file, std::initializer_list<const char*> linears) {
  const auto has = [&](const char* linear) {
    return file.find(fmt::format("blk.0.{}.bias", linear)) != nullptr;
  };
  const auto count = std::count_if(linears.begin(), linears.end(), has);
  require(count == 0 || count == static_cast<int64_t>(linears.size()), ErrorCode::Unsupported,
          "{}: {} of the {} linears {}, ... have biases; mpq computes all or none of them",
          file.path(), count, linears.size(), *linears.begin());
  return count > 0;
}

void add_biases(Json& config, const GgufFile& file) {
  if (file.tensors().empty()) return;
  const bool attention = has_biases(file, {"attn_q", "attn_k", "attn_v", "attn_output"});
  const bool mlp = has_biases(file, {"ffn_gate", "ffn_up", "ffn_down"});
  if (attention) config["attention_bias"] = true;
  if (mlp) config["mlp_bias"] = true;
}

void add_gemma2(Json& config, const MetadataReader& reader, int64_t head_dim) {
  const auto hidden = config.at("hidden_size").get<int64_t>();
  const auto heads = config.at("num_attention_heads").get<int64_t>();
  const bool largest = config.at("num_hidden_layers") == kLayersOfGemma27B;
  config["hidden_activation"] = "gelu_pytorch_tanh";
  config["query_pre_attn_scalar"] = largest ? hidden / heads : head_dim;
  config["attn_logit_softcapping"] =
      reader.find_real(".attn_logit_softcapping").value_or(kGemmaAttentionCap);
  config["final_logit_softcapping"] =
      reader.find_real(".final_logit_softcapping").value_or(kGemmaLogitsCap);
  config["sliding_window"] = reader.find_whole(".attention.sliding_window").value_or(kGemmaWindow);
}

int64_t positive(const MetadataReader& reader, const char* key) {
  const int64_t value = reader.whole(key);
  require(value > 0, ErrorCode::Format, "{}: expected a positive number, found 0",
          reader.where(key));
  return value;
}

int64_t head_dim_of(const MetadataReader& reader, int64_t hidden, int64_t heads) {
  const auto length = reader.find_whole(".attention.key_length");
  require(length || hidden % heads == 0, ErrorCode::Format,
          "{}: expected a multiple of the {} heads, found {}", reader.where(".embedding_length"),
          heads, hidden);
  const int64_t head_dim = length.value_or(hidden / heads);
  const int64_t value = reader.find_whole(".attention.value_length").value_or(hidden / heads);
  require(value == head_dim, ErrorCode::Unsupported,
          "{}: values of {} channels a head beside keys of {}; mpq computes equal ones",
          reader.where(".attention.value_length"), value, head_dim);
  return head_dim;
}

}  // namespace

Json folder_config(const GgufFile& file) {
  const MetadataReader general(file.metadata(), file.path());
  refuse_parts(general);
  const Family& family = family_of(general);
  const MetadataReader reader(file.metadata(), file.path(), std::string(family.name));
  refuse_unknown_keys(file, family, reader);
  const auto vocab = static_cast<int64_t>(reader.texts("tokenizer.ggml.tokens").size());
  const int64_t hidden = positive(reader, ".embedding_length");
  const int64_t heads = positive(reader, ".attention.head_count");
  const int64_t head_dim = head_dim_of(reader, hidden, heads);
  const int64_t kv_heads = reader.find_whole(".attention.head_count_kv").value_or(heads);
  require(kv_heads > 0 && heads % kv_heads == 0, ErrorCode::Format,
          "{}: expected a number that divides the {} heads, found {}",
          reader.where(".attention.head_count_kv"), heads, kv_heads);
  require(reader.find_whole(".vocab_size").value_or(vocab) == vocab, ErrorCode::Format,
          "{}: expected the {} tokens that are there, found {}", reader.where(".vocab_size"), vocab,
          reader.find_whole(".vocab_size").value_or(0));
  Json config = {{"architectures", Json::array({family.classes})},
                 {"model_type", family.name},
                 {"vocab_size", vocab},
                 {"hidden_size", hidden},
                 {"intermediate_size", positive(reader, ".feed_forward_length")},
                 {"num_hidden_layers", positive(reader, ".block_count")},
                 {"num_attention_heads", heads},
                 {"num_key_value_heads", kv_heads},
                 {"max_position_embeddings", positive(reader, ".context_length")},
                 {"rms_norm_eps", reader.real(".attention.layer_norm_rms_epsilon")},
                 {"hidden_act", family.name == "gemma2" ? "gelu_pytorch_tanh" : "silu"}};
  const bool by_heads = family.name == "qwen2" || family.name == "phi3";  // where it is not said
  if (!by_heads || reader.has(".attention.key_length")) config["head_dim"] = head_dim;
  config["tie_word_embeddings"] = !file.tensors().empty() && file.find("output.weight") == nullptr;
  add_rope(config, file, reader, head_dim);
  const int64_t window = reader.find_whole(".attention.sliding_window").value_or(0);
  if (family.name == "llama") add_biases(config, file);
  if (family.name == "gemma2") add_gemma2(config, reader, head_dim);
  if (window > 0 && family.name == "phi3") config["sliding_window"] = window;
  if (window > 0 && family.name == "llama") {
    config["model_type"] = "mistral";
    config["architectures"] = Json::array({"MistralForCausalLM"});
    config["sliding_window"] = window;
  }
  return config;
}

}  // namespace mpq
