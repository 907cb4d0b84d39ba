#pragma once
// tokenizer.model: the pieces of a SentencePiece model (protocol buffers,
// sentencepiece_model.proto).
#include <cstdint>
#include <string>
#include <vector>

namespace mpq {

struct SentencePiece {
  std::string text;
  float score = 0;
  int32_t type = 1;  // as a token's type in GGUF: normal, unknown, control, user, unused, byte
};

/// Pieces by id. Throws Error(Io), Error(Format) when the file is truncated or no such model.
std::vector<SentencePiece> read_sentencepiece_model(const std::string& path);

}  // namespace mpq
