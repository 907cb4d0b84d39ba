// Code bytes of hybrids count both widths.
#include "mpq/quant/encoding.h"

#include <gtest/gtest.h>

#include "mpq/core/error.h"

namespace mpq {
namespace {

TEST(Encoding, CodeBytesCountBothWidthsOfAHybrid) {
  const Encoding plain = integers(3, 0, true);
  EXPECT_EQ(code_bytes(plain, 16, 100), 16 * 100 * 3 / 8);
  Encoding hybrid = plain;
  hybrid.bits = 2;
  hybrid.high_bits = 8;
  hybrid.high_ratio = 0.1;
  EXPECT_EQ(code_bytes(hybrid, 16, 100), 16 * (90 * 2 + 10 * 8) / 8);
  EXPECT_DOUBLE_EQ(mean_code_bits(hybrid), 2.6);
}

TEST(Encoding, TextRoundTrips) {
  std::vector<Encoding> all = {full_precision()};
  for (const auto& [name, encoding] : named_encodings()) {
    EXPECT_EQ(to_string(encoding), name);
    all.push_back(encoding);
  }
  for (int bits = 2; bits <= 8; ++bits) {
    for (const int group : {0, 32, 128}) {
      for (const Zero zero : {Zero::Middle, Zero::Whole, Zero::Real, Zero::Offset}) {
        Encoding encoding = integers(bits, group, zero == Zero::Middle);
        encoding.zero = zero;
        all.push_back(encoding);
        all.push_back(resolved(encoding, at::kBFloat16));
        if (zero == Zero::Real) continue;
        encoding.high_bits = 8;
        encoding.high_ratio = 0.25;
        all.push_back(encoding);
      }
    }
  }
  for (const Encoding& encoding : all)
    EXPECT_EQ(parse_encoding(to_string(encoding)), encoding) << to_string(encoding);
}

TEST(Encoding, WhatIsNoneIsAUsageError) {
  for (const char* text : {"q4_kk", "int:bits=9", "int:group=-1", "int:zero=none", "q4_k:bits=3",
                           "int:scale=f64", "int:high=2", "int:ratio=1.5", ""}) {
    try {
      parse_encoding(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::Usage) << text;
    }
  }
}

TEST(Encoding, TablesHoldTheFloatsOfTheirFormats) {
  EXPECT_EQ(level_table(Element::E2M1),
            (std::vector<float>{-6, -4, -3, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4, 6}));
  const auto& e4m3 = level_table(Element::E4M3);
  EXPECT_EQ(e4m3.size(), 253U);  // no infinities, one not-a-number, one zero
  EXPECT_EQ(e4m3.back(), 448);
  EXPECT_EQ(e4m3[127], 0x1p-9F);
}

}  // namespace
}  // namespace mpq
