#pragma once
// Numbers as the loops of hot kernels need them: without calls, so that they become vectors.
#include <bit>
#include <cmath>
#include <cstdint>

#include "mpq/core/simd.h"

#define MPQ_INLINE [[gnu::always_inline]] inline

namespace mpq {

using Half = uint16_t;  // the bits of a bfloat16

MPQ_INLINE float wide(float value) { return value; }
MPQ_INLINE float wide(Half value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value) << 16);
}

MPQ_INLINE void put(float value, float& to) { to = value; }
/// To nearest, halves to even, as c10::BFloat16.
MPQ_INLINE void put(float value, Half& to) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
  to = static_cast<Half>((bits & 0x7fffffffU) > 0x7f800000U ? 0x7fc0U : rounded);
}

/// e^x to about 1e-7 of it; below -87 as at -87, above 88 infinite or near it.
MPQ_INLINE float exponential(float x) {
  constexpr float kLog2E = 1.44269504F, kLog2High = 0.693359375F, kLog2Low = -2.12194440e-4F;
  const float bounded = x > -87 ? (x < 88.5F ? x : 88.5F) : -87;  // not a number: any number
  const float power = std::floor(bounded * kLog2E + 0.5F);
  const float r = bounded - power * kLog2High - power * kLog2Low;
  float y = 1.9875691500e-4F;
  y = y * r + 1.3981999507e-3F;
  y = y * r + 8.3334519073e-3F;
  y = y * r + 4.1665795894e-2F;
  y = y * r + 1.6666665459e-1F;
  y = y * r + 5.0000001201e-1F;
  y = y * r * r + r + 1;
  return y * std::bit_cast<float>((static_cast<int32_t>(power) + 127) << 23);
}

}  // namespace mpq
