#pragma once
// What llama.cpp knows of a family of models: its names, its metadata, and what its graph takes for
// granted.
#include <string_view>
#include <vector>

#include "keys.h"
#include "metadata_reader.h"
#include "mpq/core/json_file.h"
#include "mpq/io/gguf.h"
#include "mpq/model/config.h"
#include "special_tokens.h"

namespace mpq {

/// What the graph (llama.cpp's src/models/*.cpp) computes whatever the file says, and which tensors
/// it loads.
struct GgufGraph {
  enum class Output { Any, Own, Embedding };  // the head: of its own, the embedding, or either
  Output output = Output::Any;
  bool gelu = false;            // the activation; else silu
  bool all_biases = false;      // of every linear; else of queries, keys and values alone
  bool square_heads = false;    // all heads together are as wide as the stream
  bool rotates_part = false;    // of a head's channels, where the file says so
  bool scales_rope = true;      // linear and yarn
  bool llama3_factors = false;  // the tensor rope_freqs
  bool long_factors = false;    // the tensors rope_factors_*
  bool windows = false;         // some layers have one, as `check` compares; else none has
  /// Adds what else differs, one sentence each; null: nothing does.
  void (*check)(const ModelConfig& model, std::vector<std::string>& found) = nullptr;
};

/// A model of the family with its config.json, of which a nested language model's members are in
/// the place of the outer ones.
struct FamilyModel {
  const ModelConfig& model;
  const Json& config;
  uint32_t file_type;
  const std::string& where;  // names config.json

  const BlockConfig& block() const { return model.blocks.front(); }
  const AttentionConfig& attention() const { return block().attention; }
};

struct GgufFamily {
  enum class HeadDim { Always, WhereSaid, Never };  // when "attention.key_length" is written

  std::string_view model_type;    // of transformers
  std::string_view architecture;  // llama.cpp's
  const char* class_name;         // "architectures" of transformers
  GgufGraph graph{};
  HeadDim head_dim = HeadDim::Always;
  /// Converted as Llama is: rows of queries and keys interleaved, the size of the vocabulary and
  /// the rotated channels among the keys, the tokenizer's "add_prefix_space" kept.
  bool of_llama = false;
  bool space_first = true;       // false: llama.cpp never puts a space before a text
  bool rope_of_windows = false;  // layers with a window have a rope of their own
  bool layer_norm = false;       // else RMSNorm
  const char* mlp_norm = "ffn_norm";
  std::vector<SpecialToken> special_tokens{};  // where the tokenizer's files name none
  /// Adds the keys behind the common ones; with `own_order` all of them, general.file_type too.
  void (*add_keys)(GgufKeys& keys, const FamilyModel& of) = nullptr;
  bool own_order = false;
  std::vector<std::string_view> keys{};  // that `read` reads, beside the common ones
  /// Whether a file of the architecture is of this family; null: it is.
  bool (*is_of)(const MetadataReader& reader) = nullptr;
  /// The inverse of add_keys: sets the family's own members of config.json, which has the common
  /// ones.
  void (*read)(Json& config, const GgufFile& file, const MetadataReader& reader) = nullptr;
};

/// The family of a model_type. Throws Error(Unsupported) naming those there are.
const GgufFamily& family_of_model(const std::string& model_type);
/// The family of a file. Throws Error(Unsupported) naming those there are, Error(Format).
const GgufFamily& family_of_file(const GgufFile& file);

}  // namespace mpq
