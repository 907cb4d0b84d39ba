// The blocks of ggml-common.h (ggml 0.25.3), by type.
#include <cmath>
#include <limits>
#include <map>

#include "layout.h"
#include "mpq/quant/encoding.h"

namespace mpq {
namespace {

std::vector<float> whole_numbers(int count, int least) {
  std::vector<float> levels;
  for (int i = 0; i < count; ++i) levels.push_back(static_cast<float>(least + i));
  return levels;
}

std::vector<float> signed_bytes() {
  std::vector<float> levels;
  for (int i = 0; i < 256; ++i) levels.push_back(static_cast<float>(static_cast<int8_t>(i)));
  return levels;
}

/// Sign and magnitude.
std::vector<float> e2m1() {
  std::vector<float> levels = {0, 0.5F, 1, 1.5F, 2, 3, 4, 6};
  for (int i = 0; i < 8; ++i) levels.push_back(0 - levels[static_cast<size_t>(i)]);
  return levels;
}

std::vector<float> e8m0() {
  std::vector<float> levels;
  for (int i = 0; i < 255; ++i) levels.push_back(std::ldexp(1.0F, i - 127));
  levels.push_back(std::numeric_limits<float>::quiet_NaN());
  return levels;
}

/// Without a sign, so that its bit is ignored; what would be NaN is 0.
std::vector<float> e4m3() {
  std::vector<float> levels;
  for (int i = 0; i < 256; ++i) {
    const int exponent = (i >> 3) & 15, mantissa = i & 7;
    const int significand = exponent == 0 ? mantissa : mantissa + 8;
    const float level =
        std::ldexp(static_cast<float>(significand), (exponent == 0 ? 1 : exponent) - 10);
    levels.push_back((i & 0x7F) == 0x7F ? 0 : level);
  }
  return levels;
}

/// Eight scale codes and eight offset codes of 6 bits. The last four of each have their high bits
/// above the first four's.
std::vector<Field> k_group_codes() {
  std::vector<Field> fields;
  for (int kind = 0; kind < 2; ++kind) {
    const int first = 8 * kind, high = 4 + 4 * kind;
    fields.push_back({first, 4, 6, 4, high, 0, 0});
    fields.push_back({first + 4, 4, 4, 4, 12, 4 * kind, 0});
    fields.push_back({first + 4, 4, 2, 4, high, 6, 4});
  }
  return fields;
}

// Fields: first, count, bits, width, byte, from, to.
std::map<std::string, Layout> layouts() {
  return {
      {"q1_0", {.codes = {{0, 128, 1, 1, 2}}, .levels = {-1, 1}, .scale_byte = 0}},
      {"q2_0",
       {.codes = {{0, 64, 2, 1, 2}},
        .levels = whole_numbers(4, -1),
        .scale_byte = 0,
        .negative = true}},
      {"q4_0", {.codes = {{0, 32, 4, 16, 2}}, .levels = whole_numbers(16, -8), .scale_byte = 0}},
      {"q4_1",
       {.codes = {{0, 32, 4, 16, 4}},
        .levels = whole_numbers(16, 0),
        .scale_byte = 0,
        .offset_byte = 2}},
      {"q5_0",
       {.codes = {{0, 32, 4, 16, 6}, {0, 32, 1, 1, 2, 0, 4}},
        .levels = whole_numbers(32, -16),
        .scale_byte = 0}},
      {"q5_1",
       {.codes = {{0, 32, 4, 16, 8}, {0, 32, 1, 1, 4, 0, 4}},
        .levels = whole_numbers(32, 0),
        .scale_byte = 0,
        .offset_byte = 2}},
      {"q8_0", {.codes = {{0, 32, 8, 1, 2}}, .levels = signed_bytes(), .scale_byte = 0}},
      {"q2_k",
       {.codes = {{0, 256, 2, 32, 16}},
        .levels = whole_numbers(4, 0),
        .scale_byte = 80,
        .offset_byte = 82,
        .groups = 16,
        .group_codes = {{0, 32, 4, 16, 0}},
        .group_levels = whole_numbers(16, 0)}},
      {"q3_k",
       {.codes = {{0, 256, 2, 32, 32}, {0, 256, 1, 32, 0, 0, 2}},
        .levels = whole_numbers(8, -4),
        .scale_byte = 108,
        .groups = 16,
        .group_codes = {{0, 16, 4, 8, 96}, {0, 16, 2, 4, 104, 0, 4}},
        .group_levels = whole_numbers(64, -32)}},
      {"q4_k",
       {.codes = {{0, 256, 4, 32, 16}},
        .levels = whole_numbers(16, 0),
        .scale_byte = 0,
        .offset_byte = 2,
        .groups = 8,
        .group_codes = k_group_codes(),
        .group_levels = whole_numbers(64, 0)}},
      {"q5_k",
       {.codes = {{0, 256, 4, 32, 48}, {0, 256, 1, 32, 16, 0, 4}},
        .levels = whole_numbers(32, 0),
        .scale_byte = 0,
        .offset_byte = 2,
        .groups = 8,
        .group_codes = k_group_codes(),
        .group_levels = whole_numbers(64, 0)}},
      {"q6_k",
       {.codes = {{0, 256, 4, 64, 0}, {0, 256, 2, 32, 128, 0, 4}},
        .levels = whole_numbers(64, -32),
        .scale_byte = 208,
        .groups = 16,
        .group_codes = {{0, 16, 8, 1, 192}},
        .group_levels = signed_bytes()}},
      {"iq4_nl",
       {.codes = {{0, 32, 4, 16, 2}}, .levels = level_table(Element::Nl4), .scale_byte = 0}},
      {"iq4_xs",
       {.codes = {{0, 256, 4, 16, 8}},
        .levels = level_table(Element::Nl4),
        .scale_byte = 0,
        .groups = 8,
        .group_codes = {{0, 8, 4, 1, 4}, {0, 8, 2, 1, 2, 0, 4}},
        .group_levels = whole_numbers(64, -32)}},
      {"tq1_0", {.levels = whole_numbers(3, -1), .scale_byte = 52, .ternary = true}},
      {"tq2_0", {.codes = {{0, 256, 2, 32, 0}}, .levels = whole_numbers(4, -1), .scale_byte = 64}},
      {"mxfp4",
       {.codes = {{0, 32, 4, 16, 1}},
        .levels = e2m1(),
        .groups = 1,
        .group_codes = {{0, 1, 8, 1, 0}},
        .group_levels = e8m0()}},
      {"nvfp4",
       {.codes = {{0, 64, 4, 8, 4}},
        .levels = e2m1(),
        .groups = 4,
        .group_codes = {{0, 4, 8, 1, 0}},
        .group_levels = e4m3()}}};
}

}  // namespace

const Layout* layout_of(const std::string& type_name) {
  static const std::map<std::string, Layout> kLayouts = layouts();
  const auto found = kLayouts.find(type_name);
  return found == kLayouts.end() ? nullptr : &found->second;
}

}  // namespace mpq
