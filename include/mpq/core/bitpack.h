#pragma once
// Continuous little-endian bitstreams of small unsigned codes (formats.md, golden vectors).
#include <cstddef>
#include <cstdint>
#include <span>

namespace mpq {

/// Number of 32-bit words that hold `count` codes of `bits` (1..8, and 16) bits.
constexpr size_t packed_words(size_t count, int bits) {
  return (count * static_cast<size_t>(bits) + 31) / 32;
}

/// Code i takes bits [i b, (i+1) b) of the stream; `words` has packed_words(codes.size(), bits)
/// entries, all written.
void pack_bits(std::span<const uint8_t> codes, int bits, std::span<uint32_t> words);
/// The inverse; bits beyond codes.size() are ignored.
void unpack_bits(std::span<const uint32_t> words, int bits, std::span<uint8_t> codes);

}  // namespace mpq
