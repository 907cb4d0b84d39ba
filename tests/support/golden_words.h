#pragma once
// The golden vectors of formats.md: codes (5 i + 3) mod 2^bits, i = 0..31, as words of 32 bits.
#include <cstdint>
#include <map>
#include <vector>

namespace mpq {

inline const std::map<int, std::vector<uint32_t>>& golden_words() {
  static const std::map<int, std::vector<uint32_t>> kWords = {
      {2, {0x93939393, 0x93939393}},
      {3, {0x43c67543, 0x7543c675, 0xc67543c6}},
      {4, {0x61c72d83, 0xe94fa50b, 0x61c72d83, 0xe94fa50b}},
      {5, {0x79793503, 0xfd560b30, 0x77137249, 0x1bb45871, 0xf668f514}},
      {6, {0x1748d203, 0x5c2b9a17, 0x38913feb, 0x2789d613, 0x503bdb1b, 0x79950f28}},
      {8,
       {0x120d0803, 0x26211c17, 0x3a35302b, 0x4e49443f, 0x625d5853, 0x76716c67, 0x8a85807b,
        0x9e99948f}}};
  return kWords;
}

}  // namespace mpq
