#pragma once
// Whole numbers that a common one multiplies: how Sub scales and offsets are stored.
#include <algorithm>
#include <cmath>

#include "mpq/quant/encoding.h"

namespace mpq {

struct SubCodes {
  float unit = 0;  // 0: all numbers are 0
  float first = 0, last = 0;
  float nearest(float value) const {
    return unit == 0 ? 0 : std::clamp(std::nearbyint(value / unit), first, last);
  }
};

/// Of scales: with a sign where the encoding is symmetric. Of offsets, as depths below 0: without.
inline SubCodes scale_codes(const Encoding& encoding, float unit = 0) {
  const auto whole = static_cast<float>(1 << encoding.sub_bits);
  return encoding.symmetric() ? SubCodes{unit, -whole / 2, whole / 2 - 1}
                              : SubCodes{unit, 0, whole - 1};
}
inline SubCodes depth_codes(const Encoding& encoding, float unit = 0) {
  return {unit, 0, static_cast<float>(1 << encoding.sub_bits) - 1};
}

}  // namespace mpq
