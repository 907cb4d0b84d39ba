// Packs codes through a 64-bit window, so that a code may straddle two words.
#include "mpq/core/bitpack.h"

#include "mpq/core/error.h"

namespace mpq {
namespace {

void check(size_t codes, int bits, size_t words) {
  require(bits >= 1 && bits <= 8, ErrorCode::Internal,
          "bit packing: expected 1 to 8 bits, found {}", bits);
  require(words == packed_words(codes, bits), ErrorCode::Internal,
          "bit packing: {} codes of {} bits take {} words, found {}", codes, bits,
          packed_words(codes, bits), words);
}

}  // namespace

void pack_bits(std::span<const uint8_t> codes, int bits, std::span<uint32_t> words) {
  check(codes.size(), bits, words.size());
  uint64_t window = 0;
  int filled = 0;
  size_t word = 0;
  const uint64_t mask = (uint64_t{1} << bits) - 1;
  for (const uint8_t code : codes) {
    window |= (code & mask) << filled;
    filled += bits;
    if (filled >= 32) {
      words[word++] = static_cast<uint32_t>(window);
      window >>= 32;
      filled -= 32;
    }
  }
  if (filled > 0) words[word] = static_cast<uint32_t>(window);
}

void unpack_bits(std::span<const uint32_t> words, int bits, std::span<uint8_t> codes) {
  check(codes.size(), bits, words.size());
  uint64_t window = 0;
  int filled = 0;
  size_t word = 0;
  const uint64_t mask = (uint64_t{1} << bits) - 1;
  for (uint8_t& code : codes) {
    if (filled < bits) {
      window |= static_cast<uint64_t>(words[word++]) << filled;
      filled += 32;
    }
    code = static_cast<uint8_t>(window & mask);
    window >>= bits;
    filled -= bits;
  }
}

}  // namespace mpq
