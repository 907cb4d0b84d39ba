#pragma once
// UTF-8 as code points, read and written; checks are in core.
#include <cstddef>
#include <string>
#include <string_view>

#include "mpq/core/utf8.h"

namespace mpq::text {

using mpq::invalid_utf8_at;
using mpq::repaired_utf8;

void append_utf8(std::string& out, char32_t code_point);

/// The code point at `at`, which is moved behind it. The text must be UTF-8.
inline char32_t next_code_point(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  if (lead < 0x80) {
    ++at;
    return lead;
  }
  if (lead < 0xE0) {
    at += 2;
    return (lead & 0x1FU) << 6 | (byte(at - 1) & 0x3FU);
  }
  if (lead < 0xF0) {
    at += 3;
    return (lead & 0x0FU) << 12 | (byte(at - 2) & 0x3FU) << 6 | (byte(at - 1) & 0x3FU);
  }
  at += 4;
  return (lead & 0x07U) << 18 | (byte(at - 3) & 0x3FU) << 12 | (byte(at - 2) & 0x3FU) << 6 |
         (byte(at - 1) & 0x3FU);
}

/// The code point that ends at `end`, which is moved before it.
inline char32_t previous_code_point(std::string_view text, size_t& end) {
  do {
    --end;
  } while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U);
  size_t at = end;
  return next_code_point(text, at);
}

}  // namespace mpq::text
