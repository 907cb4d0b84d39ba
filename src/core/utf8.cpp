// UTF-8 after table 3-7 of the Unicode standard.
#include "mpq/core/utf8.h"

#include <filesystem>

namespace mpq {
namespace {

struct Sequence {
  size_t length;
  bool well_formed;
};

// The sequence at `at`; an ill-formed one is as long as its maximal subpart.
Sequence sequence_at(std::string_view text, size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return {1, true};
  size_t length = 0;
  unsigned char low = 0x80, high = 0xBF;  // bounds of the second byte
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return {1, false};
  }
  for (size_t i = 1; i < length; ++i) {
    if (at + i >= text.size()) return {i, false};
    const auto byte = static_cast<unsigned char>(text[at + i]);
    if (byte < low || byte > high) return {i, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true};
}

// U+EF80 to U+EFFF are EE BE 80 to EE BF BF: they stand for the bytes 80 to FF.
bool stands_for_byte(std::string_view text, size_t at) {
  return text.size() - at >= 3 && text[at] == '\xEE' &&
         (text[at + 1] == '\xBE' || text[at + 1] == '\xBF');
}

}  // namespace

size_t invalid_utf8_at(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const Sequence sequence = sequence_at(text, at);
    if (!sequence.well_formed) return at;
    at += sequence.length;
  }
  return std::string_view::npos;
}

std::string repaired_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Sequence sequence = sequence_at(text, at);
    out += sequence.well_formed ? text.substr(at, sequence.length) : "\xEF\xBF\xBD";
    at += sequence.length;
  }
  return out;
}

std::string_view without_byte_order_mark(std::string_view text) {
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark)
    text.remove_prefix(kByteOrderMark.size());
  return text;
}

std::string path_to_text(std::string_view path) {
  std::string out;
  for (size_t at = 0; at < path.size();) {
    const Sequence sequence = sequence_at(path, at);
    // A name that has such a character itself is written byte by byte, or it would not come back.
    const bool plain = sequence.well_formed && !stands_for_byte(path, at);
    for (size_t i = at; i < at + sequence.length; ++i) {
      const auto byte = static_cast<unsigned char>(path[i]);
      if (plain) {
        out += path[i];
      } else {
        out +=
            {'\xEE', static_cast<char>(0xBC | byte >> 6), static_cast<char>(0x80 | (byte & 0x3F))};
      }
    }
    at += sequence.length;
  }
  return out;
}

std::string lasting_path(const std::string& path) {
  return path_to_text(std::filesystem::absolute(path).lexically_normal().string());
}

std::string text_to_path(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    if (!stands_for_byte(text, at)) {
      out += text[at++];
      continue;
    }
    const auto high = static_cast<unsigned char>(text[at + 1]);
    const auto low = static_cast<unsigned char>(text[at + 2]);
    out += static_cast<char>((high & 0x03) << 6 | (low & 0x3F));
    at += 3;
  }
  return out;
}

}  // namespace mpq
