// Golden vectors of formats.md, and the inverse for every width.
#include "mpq/core/bitpack.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace mpq {
namespace {

TEST(BitPack, EqualsGoldenVectors) {
  const std::map<int, std::vector<uint32_t>> golden = {
      {2, {0x93939393, 0x93939393}},
      {3, {0x43c67543, 0x7543c675, 0xc67543c6}},
      {4, {0x61c72d83, 0xe94fa50b, 0x61c72d83, 0xe94fa50b}},
      {5, {0x79793503, 0xfd560b30, 0x77137249, 0x1bb45871, 0xf668f514}},
      {6, {0x1748d203, 0x5c2b9a17, 0x38913feb, 0x2789d613, 0x503bdb1b, 0x79950f28}},
      {8,
       {0x120d0803, 0x26211c17, 0x3a35302b, 0x4e49443f, 0x625d5853, 0x76716c67, 0x8a85807b,
        0x9e99948f}}};
  for (const auto& [bits, words] : golden) {
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
