// Reads the one message that matters of tokenizer.model, without the protobuf library.
#include "sentencepiece_model.h"

#include <cmath>
#include <cstring>
#include <string_view>

#include "mpq/core/error.h"
#include "mpq/core/json_file.h"

namespace mpq {
namespace {

enum class Wire { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };
constexpr uint64_t kPieces = 1;                       // of the model
constexpr uint64_t kText = 1, kScore = 2, kType = 3;  // of a piece

/// Fields of one message, each with its number and either a value or bytes.
class Message {
 public:
  Message(std::string_view bytes, const std::string& path) : bytes_(bytes), path_(path) {}
  bool next() {
    if (at_ == bytes_.size()) return false;
    const uint64_t tag = varint();
    field = tag >> 3;
    wire = static_cast<Wire>(tag & 7);
    value = 0;
    content = {};
    switch (wire) {
      case Wire::Varint:
        value = varint();
        return true;
      case Wire::Fixed64:
        content = take(8);
        return true;
      case Wire::Bytes:
        content = take(varint());
        return true;
      case Wire::Fixed32:
        content = take(4);
        return true;
    }
    fail(ErrorCode::Format, "{}: expected a SentencePiece model, found a field of kind {}", path_,
         tag & 7);
  }
  uint64_t field = 0, value = 0;
  Wire wire = Wire::Varint;
  std::string_view content;

 private:
  std::string_view take(uint64_t size) {
    require(size <= bytes_.size() - at_, ErrorCode::Format,
            "{}: expected a SentencePiece model, found {} bytes where {} were announced; the file "
            "is truncated or damaged",
            path_, bytes_.size() - at_, size);
    const std::string_view taken = bytes_.substr(at_, static_cast<size_t>(size));
    at_ += static_cast<size_t>(size);
    return taken;
  }
  uint64_t varint() {
    uint64_t result = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      result |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return result;
    }
    fail(ErrorCode::Format, "{}: expected a SentencePiece model, found a number of over 64 bits",
         path_);
  }

  std::string_view bytes_;
  const std::string& path_;
  size_t at_ = 0;
};

SentencePiece read_piece(std::string_view bytes, const std::string& path) {
  SentencePiece piece;
  Message message(bytes, path);
  while (message.next()) {
    if (message.field == kText && message.wire == Wire::Bytes) piece.text = message.content;
    if (message.field == kScore && message.wire == Wire::Fixed32)
      std::memcpy(&piece.score, message.content.data(), sizeof(piece.score));
    if (message.field != kType || message.wire != Wire::Varint) continue;
    require(message.value >= 1 && message.value <= 6, ErrorCode::Format,
            "{}: expected a piece's type of 1 to 6, found {}", path, message.value);
    piece.type = static_cast<int32_t>(message.value);
  }
  require(std::isfinite(piece.score), ErrorCode::Format, "{}: a piece's score is not finite", path);
  return piece;
}

}  // namespace

std::vector<SentencePiece> read_sentencepiece_model(const std::string& path) {
  const std::string text = read_text_file(path);
  std::vector<SentencePiece> pieces;
  Message message(text, path);
  while (message.next()) {
    if (message.field == kPieces && message.wire == Wire::Bytes)
      pieces.push_back(read_piece(message.content, path));
  }
  require(!pieces.empty(), ErrorCode::Format,
          "{}: expected a SentencePiece model, found no piece in it", path);
  return pieces;
}

}  // namespace mpq
