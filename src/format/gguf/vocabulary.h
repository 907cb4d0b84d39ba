#pragma once
// The list of tokens of a GGUF file, by each of the ways in which a checkpoint can hold it.
#include <cstdint>
#include <string>
#include <vector>

#include "tokenizer_file.h"

namespace mpq {

enum class GgufTokenType : int32_t {
  Normal = 1,
  Unknown = 2,
  Control = 3,
  User = 4,
  Unused = 5,
  Byte = 6
};

constexpr const char* kMetaspace = "\u2581";  // a space in SentencePiece's tokens

struct GgufVocabulary {
  GgufVocabulary(std::string kind, int64_t size);
  /// Replaces a token; an id that is not below size() is Error(Format) naming `where`.
  void set(int64_t id, std::string token, float score, GgufTokenType type,
           const std::string& where);
  int64_t size() const { return static_cast<int64_t>(tokens.size()); }

  std::string model;                // "gpt2", byte-level BPE, or "llama", SentencePiece
  std::string pre;                  // how a text is cut into words
  std::vector<std::string> tokens;  // "[PAD7]" and unused until they are set
  std::vector<float> scores;        // "llama" only
  std::vector<int32_t> types;
  std::vector<std::string> merges;  // "gpt2" only
};

/// Byte-level BPE of tokenizer.json. Throws Error(Unsupported) on another kind.
GgufVocabulary byte_level_vocabulary(const TokenizerFiles& files, int64_t size);
/// tokenizer.model with added_tokens.json and tokenizer_config.json, as the converter does.
/// `of_phi3`: and the added tokens of tokenizer.json, as it does for Phi-3.
GgufVocabulary sentencepiece_vocabulary(const TokenizerFiles& files, int64_t size, bool of_phi3);
/// SentencePiece's BPE as tokenizer.json has it, with byte fallback, where there is no
/// tokenizer.model. llama.cpp's converter gives all tokens one score then, by which most texts are
/// cut wrong; a token's rank among the merges is the score that it had in tokenizer.model.
GgufVocabulary merged_vocabulary(const TokenizerFiles& files, int64_t size);
bool has_byte_fallback(const TokenizerFiles& files);

/// Added tokens that some checkpoints forget to mark as special.
bool looks_special(const std::string& token);
/// U+2581, SentencePiece's mark of a space, as a space.
std::string with_spaces(const std::string& token);

}  // namespace mpq
