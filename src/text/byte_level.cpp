// The bijection of bytes and characters of GPT-2's encoder.py.
#include "byte_level.h"

#include <array>

#include "utf8.h"

namespace mpq::text {
namespace {

constexpr char32_t kCharacters = 0x144;  // the last stand-in is U+0143

struct Tables {
  std::array<std::string, 256> characters;
  std::array<int, kCharacters> bytes;

  Tables() {
    bytes.fill(-1);
    char32_t next = 256;
    for (int byte = 0; byte < 256; ++byte) {
      const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) ||
                             (byte >= 0xAE && byte <= 0xFF);
      const char32_t code_point = printable ? static_cast<char32_t>(byte) : next++;
      bytes[code_point] = byte;
      append_utf8(characters[static_cast<size_t>(byte)], code_point);
    }
  }
};

const Tables& tables() {
  static const Tables instance;
  return instance;
}

}  // namespace

void append_byte_level(std::string& out, std::string_view text) {
  const auto& characters = tables().characters;
  for (const char c : text) out += characters[static_cast<unsigned char>(c)];
}

std::string byte_level(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  append_byte_level(out, text);
  return out;
}

int byte_of(char32_t code_point) {
  return code_point < kCharacters ? tables().bytes[code_point] : -1;
}

}  // namespace mpq::text
