// Classes of code points by utf8proc, as the methods is... of Python's str have them.
#include <utf8proc.h>

#include <algorithm>

#include "python_text.h"
#include "unicode.h"
#include "utf8.h"

namespace mpq::text::jinja {
namespace {

utf8proc_category_t category(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

struct Block {
  char32_t first, last;
};

bool is_in(std::initializer_list<Block> blocks, char32_t c) {
  return std::any_of(blocks.begin(), blocks.end(),
                     [c](const Block& block) { return c >= block.first && c <= block.last; });
}

}  // namespace

std::u32string code_points(std::string_view text) {
  std::u32string points;
  points.reserve(text.size());
  for (size_t at = 0; at < text.size();) points += next_code_point(text, at);
  return points;
}

std::string utf8_of(std::u32string_view points) {
  std::string out;
  out.reserve(points.size());
  for (const char32_t c : points) append_utf8(out, c);
  return out;
}

size_t code_point_count(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

bool is_space(char32_t c) { return is_white_space(c) || (c >= 0x1C && c <= 0x1F); }

bool is_alpha(char32_t c) {
  const auto kind = category(c);
  return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
}

bool is_decimal(char32_t c) { return category(c) == UTF8PROC_CATEGORY_ND; }

bool is_digit(char32_t c) {
  return is_decimal(c) ||
         is_in({{0xB2, 0xB3},       {0xB9, 0xB9},       {0x1369, 0x1371},   {0x19DA, 0x19DA},
                {0x2070, 0x2070},   {0x2074, 0x2079},   {0x2080, 0x2089},   {0x2460, 0x2468},
                {0x2474, 0x247C},   {0x2488, 0x2490},   {0x24EA, 0x24EA},   {0x24F5, 0x24FD},
                {0x24FF, 0x24FF},   {0x2776, 0x277E},   {0x2780, 0x2788},   {0x278A, 0x2792},
                {0x10A40, 0x10A43}, {0x10E60, 0x10E68}, {0x11052, 0x1105A}, {0x1F100, 0x1F10A}},
               c);
}

bool is_numeric_point(char32_t c) { return is_numeric(c); }

bool is_alnum(char32_t c) { return is_alpha(c) || is_numeric(c); }

bool is_printable(char32_t c) {
  if (c == ' ') return true;
  const auto kind = category(c);
  return kind != UTF8PROC_CATEGORY_CN && !(kind >= UTF8PROC_CATEGORY_ZS);
}

bool is_upper(char32_t c) {
  return category(c) == UTF8PROC_CATEGORY_LU || is_in({{0x2160, 0x216F}, {0x24B6, 0x24CF}}, c);
}

bool is_lower(char32_t c) {
  return category(c) == UTF8PROC_CATEGORY_LL || is_in({{0xAA, 0xAA},
                                                       {0xBA, 0xBA},
                                                       {0x2B0, 0x2B8},
                                                       {0x2C0, 0x2C1},
                                                       {0x2E0, 0x2E4},
                                                       {0x1D2C, 0x1D6A},
                                                       {0x2071, 0x2071},
                                                       {0x207F, 0x207F},
                                                       {0x2090, 0x209C},
                                                       {0x2170, 0x217F},
                                                       {0x24D0, 0x24E9}},
                                                      c);
}

bool is_title(char32_t c) { return category(c) == UTF8PROC_CATEGORY_LT; }

int decimal_value(char32_t c) {
  // Digits of a script are ten in a row, and rows begin behind something that is no digit or row.
  if (c >= '0' && c <= '9') return static_cast<int>(c - '0');
  if (c >= 0x1D7CE && c <= 0x1D7FF) return static_cast<int>(c - 0x1D7CE) % 10;
  char32_t first = c;
  while (is_decimal(first - 1)) --first;
  return static_cast<int>(c - first) % 10;
}

bool is_identifier(std::string_view text) {
  const std::u32string points = code_points(text);
  const auto is_start = [](char32_t c) {
    return c == '_' || is_alpha(c) || category(c) == UTF8PROC_CATEGORY_NL;
  };
  const auto is_part = [&](char32_t c) {
    const auto kind = category(c);
    return is_start(c) || is_decimal(c) || c == 0xB7 || kind == UTF8PROC_CATEGORY_MN ||
           kind == UTF8PROC_CATEGORY_MC || kind == UTF8PROC_CATEGORY_PC;
  };
  return !points.empty() && is_start(points[0]) &&
         std::all_of(points.begin(), points.end(), is_part);
}

}  // namespace mpq::text::jinja
