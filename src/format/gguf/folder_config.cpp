// The inverse of hyperparameters.cpp: what the families share.
#include "folder_config.h"

#include <algorithm>
#include <string_view>

#include "family.h"
#include "folder_parts.h"
#include "folder_rope.h"
#include "metadata_reader.h"
#include "mpq/core/utf8.h"

namespace mpq {
namespace {

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
                                      ".attention.layer_norm_epsilon",
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
/// Keys that say nothing when they are 0.
constexpr std::string_view kCounts[] = {".expert_count", ".expert_used_count",
                                        ".attention.sliding_window"};

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
void refuse_unknown_keys(const GgufFile& file, const GgufFamily& family,
                         const MetadataReader& reader) {
  const auto is_in = [](const auto& list, std::string_view key) {
    return std::find(std::begin(list), std::end(list), key) != std::end(list);
  };
  for (const GgufEntry& entry : file.metadata()) {
    if (!entry.key.starts_with(std::string(family.architecture) + ".")) continue;
    const std::string_view key = std::string_view(entry.key).substr(family.architecture.size());
    if (is_in(kKeys, key) || is_in(family.keys, key)) continue;
    require(is_in(kCounts, key) && reader.find_whole(key) == 0, ErrorCode::Unsupported,
            "{}: mpq does not know what this asks for, and does not compute the model without it",
            repaired_utf8(reader.where(key)));
  }
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
  refuse_parts(MetadataReader(file.metadata(), file.path()));
  const GgufFamily& family = family_of_file(file);
  const MetadataReader reader(file.metadata(), file.path(), std::string(family.architecture));
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
  Json config = {{"architectures", Json::array({family.class_name})},
                 {"model_type", family.model_type},
                 {"vocab_size", vocab},
                 {"hidden_size", hidden},
                 {"intermediate_size", positive(reader, ".feed_forward_length")},
                 {"num_hidden_layers", positive(reader, ".block_count")},
                 {"num_attention_heads", heads},
                 {"num_key_value_heads", kv_heads},
                 {"max_position_embeddings", positive(reader, ".context_length")},
                 {"hidden_act", family.graph.gelu ? "gelu_pytorch_tanh" : "silu"}};
  if (family.layer_norm) {
    config["layer_norm_eps"] = reader.real(".attention.layer_norm_epsilon");
  } else {
    config["rms_norm_eps"] = reader.real(".attention.layer_norm_rms_epsilon");
  }
  if (family.head_dim == GgufFamily::HeadDim::Always || reader.has(".attention.key_length"))
    config["head_dim"] = head_dim;
  config["tie_word_embeddings"] =
      family.graph.output == GgufGraph::Output::Embedding ||
      (!file.tensors().empty() && file.find("output.weight") == nullptr);
  add_rope(config, family.graph, file, reader, head_dim);
  if (family.read != nullptr) family.read(config, file, reader);
  return config;
}

}  // namespace mpq
