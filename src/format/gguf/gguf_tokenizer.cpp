// Chooses the kind of vocabulary, as llama.cpp's converter does for each family.
#include "gguf_tokenizer.h"

#include <filesystem>

#include "mpq/core/error.h"
#include "special_tokens.h"
#include "vocabulary.h"

namespace mpq {
namespace {

constexpr const char* kSpacePrefix = "tokenizer.ggml.add_space_prefix";
constexpr int64_t kCodeLlamaVocabulary = 32016;
constexpr uint32_t kCodeLlamaEndOfTurn = 32010;
constexpr int64_t kGraniteVocabulary = 49152;

/// Whether a space is put before a text, by its normalizer or pre-tokenizer.
bool puts_space_first(const nlohmann::json& step) {
  if (step.is_array()) {
    for (const auto& inner : step) {
      if (puts_space_first(inner)) return true;
    }
  }
  if (!step.is_object()) return false;
  const auto type = step.find("type");
  if (type != step.end() && *type == "Prepend") return true;
  if (type != step.end() && *type == "Metaspace") {
    const auto scheme = step.find("prepend_scheme"), older = step.find("add_prefix_space");
    return scheme != step.end() ? *scheme != "never" : older == step.end() || *older == true;
  }
  for (const char* list : {"normalizers", "pretokenizers"}) {
    if (step.contains(list) && puts_space_first(step[list])) return true;
  }
  return false;
}

bool puts_space_first(const TokenizerFiles& files) {
  for (const char* key : {"normalizer", "pre_tokenizer"}) {
    if (files.json.contains(key) && puts_space_first(files.json[key])) return true;
  }
  return false;
}

GgufVocabulary read_vocabulary(const TokenizerFiles& files, const ModelConfig& model) {
  const bool of_phi3 = model.model_type == "phi3";
  const bool byte_level_phi = of_phi3 && files.named_token("tokenizer_class") == "GPT2Tokenizer";
  if (!byte_level_phi && std::filesystem::exists(files.folder + "/tokenizer.model"))
    return sentencepiece_vocabulary(files, model.vocab, of_phi3);
  return has_byte_fallback(files) ? merged_vocabulary(files, model.vocab)
                                  : byte_level_vocabulary(files, model.vocab);
}

}  // namespace

GgufMetadata gguf_tokenizer(const std::string& folder, const GgufFamily& family,
                            const ModelConfig& model, const Json& config) {
  const TokenizerFiles files = read_tokenizer_files(folder);
  const GgufVocabulary vocabulary = read_vocabulary(files, model);
  const bool is_spm = vocabulary.model == "llama";
  GgufMetadata result;
  if (family.of_llama && files.config.is_object()) {
    const auto prefix = files.config.find("add_prefix_space");
    if (prefix != files.config.end() && prefix->is_boolean())
      result.push_back({kSpacePrefix, prefix->get<bool>()});
  }
  result.push_back({"tokenizer.ggml.model", vocabulary.model});
  result.push_back({"tokenizer.ggml.pre", vocabulary.pre});
  result.push_back({"tokenizer.ggml.tokens", GgufArray(vocabulary.tokens)});
  if (is_spm) result.push_back({"tokenizer.ggml.scores", GgufArray(vocabulary.scores)});
  result.push_back({"tokenizer.ggml.token_type", GgufArray(vocabulary.types)});
  if (!vocabulary.merges.empty())
    result.push_back({"tokenizer.ggml.merges", GgufArray(vocabulary.merges)});
  const auto limit = is_spm ? std::optional(vocabulary.size()) : std::nullopt;
  for (GgufMetadata part :
       {special_tokens(files, config, limit, family.special_tokens), chat_templates(files)})
    result.insert(result.end(), part.begin(), part.end());
  if (family.of_llama && model.vocab == kCodeLlamaVocabulary)
    set_gguf_value(result, "tokenizer.ggml.eot_token_id", kCodeLlamaEndOfTurn);
  if (family.of_llama && model.vocab == kGraniteVocabulary)
    set_gguf_value(result, "tokenizer.ggml.add_bos_token", false);
  const bool from_json = is_spm && !std::filesystem::exists(folder + "/tokenizer.model");
  if (!family.space_first || (from_json && !puts_space_first(files)))
    set_gguf_value(result, kSpacePrefix, false);
  return result;
}

}  // namespace mpq
