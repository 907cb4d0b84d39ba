// Golden vectors of formats.md, and the inverse for every width.
#include "mpq/core/bitpack.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/golden_words.h"

namespace mpq {
namespace {

TEST(BitPack, EqualsGoldenVectors) {
  for (const auto& [bits, words] : golden_words()) {
    std::vector<uint8_t> codes(32);
    for (int i = 0; i < 32; ++i) codes[i] = static_cast<uint8_t>((5 * i + 3) % (1 << bits));
    std::vector<uint32_t> packed(packed_words(32, bits));
    pack_bits(codes, bits, packed);
    EXPECT_EQ(packed, words) << bits;
  }
}

TEST(BitPack, UnpackIsTheInverseAtEveryWidthAndLength) {
  for (int bits = 1; bits <= 8; ++bits) {
    for (const size_t count : {1, 7, 31, 32, 33, 100}) {
      std::vector<uint8_t> codes(count);
      for (size_t i = 0; i < count; ++i)
        codes[i] = static_cast<uint8_t>((i * 37 + 11) % (1 << bits));
      std::vector<uint32_t> packed(packed_words(count, bits));
      pack_bits(codes, bits, packed);
      std::vector<uint8_t> back(count);
      unpack_bits(packed, bits, back);
      EXPECT_EQ(back, codes) << bits << " bits, " << count << " codes";
    }
  }
}

}  // namespace
}  // namespace mpq
