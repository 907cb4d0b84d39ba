// Code bytes of hybrids count both widths.
#include "mpq/quant/encoding.h"

#include <gtest/gtest.h>

namespace mpq {
namespace {

TEST(Scheme, CodeBytesCountBothWidthsOfAHybrid) {
  const Scheme plain{.bits = 3, .group = 0, .symmetric = true};
  EXPECT_EQ(code_bytes(plain, 16, 100), 16 * 100 * 3 / 8);
  Scheme hybrid = plain;
  hybrid.bits = 2;
  hybrid.high_bits = 8;
  hybrid.high_ratio = 0.1;
  EXPECT_EQ(code_bytes(hybrid, 16, 100), 16 * (90 * 2 + 10 * 8) / 8);
  EXPECT_DOUBLE_EQ(mean_code_bits(hybrid), 2.6);
}

}  // namespace
}  // namespace mpq
