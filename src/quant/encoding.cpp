// Named encodings, levels, and the arithmetic of groups.
#include "mpq/quant/encoding.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "mpq/core/error.h"
#include "mpq/core/options.h"
#include "mpq/core/suggest.h"
#include "mpq/quant/encoding_options.h"

namespace mpq {
namespace {

constexpr int kSuperGroup = 256;  // of the K- and i-quants

Encoding half_scaled(Element element, int bits, int group, Zero zero) {
  return {element, bits, group, zero, ScaleCode::Float, at::kHalf};
}

Encoding sub_scaled(Element element, int bits, int group, Zero zero, int sub_bits) {
  return {element, bits, group, zero, ScaleCode::Sub, at::kHalf, sub_bits, kSuperGroup};
}

/// The values of a float format's first positive codes and their negatives, ascending.
std::vector<float> float_levels(int mantissa_bits, int bias, int codes) {
  std::vector<float> levels;
  for (int code = 0; code < codes; ++code) {
    const int exponent = code >> mantissa_bits;
    const int mantissa = code & ((1 << mantissa_bits) - 1);
    const double size = exponent == 0 ? std::ldexp(mantissa, 1 - bias - mantissa_bits)
                                      : std::ldexp((1 << mantissa_bits) + mantissa,
                                                   exponent - bias - mantissa_bits);
    levels.push_back(static_cast<float>(size));
    if (size > 0) levels.push_back(static_cast<float>(-size));
  }
  std::sort(levels.begin(), levels.end());
  return levels;
}

}  // namespace

Encoding integers(int bits, int group, bool symmetric) {
  return {Element::Int, bits, group, symmetric ? Zero::Middle : Zero::Whole};
}

Encoding full_precision() { return {Element::Plain, 16, 0, Zero::Middle}; }

const std::vector<std::pair<std::string, Encoding>>& named_encodings() {
  static const std::vector<std::pair<std::string, Encoding>> kNamed = {
      {"q2_0", half_scaled(Element::Int, 2, 64, Zero::Middle)},
      {"q4_0", half_scaled(Element::Int, 4, 32, Zero::Middle)},
      {"q4_1", half_scaled(Element::Int, 4, 32, Zero::Offset)},
      {"q5_0", half_scaled(Element::Int, 5, 32, Zero::Middle)},
      {"q5_1", half_scaled(Element::Int, 5, 32, Zero::Offset)},
      {"q8_0", half_scaled(Element::Int, 8, 32, Zero::Middle)},
      {"q2_k", sub_scaled(Element::Int, 2, 16, Zero::Offset, 4)},
      {"q3_k", sub_scaled(Element::Int, 3, 16, Zero::Middle, 6)},
      {"q4_k", sub_scaled(Element::Int, 4, 32, Zero::Offset, 6)},
      {"q5_k", sub_scaled(Element::Int, 5, 32, Zero::Offset, 6)},
      {"q6_k", sub_scaled(Element::Int, 6, 16, Zero::Middle, 8)},
      {"iq4_nl", half_scaled(Element::Nl4, 4, 32, Zero::Middle)},
      {"iq4_xs", sub_scaled(Element::Nl4, 4, 32, Zero::Middle, 6)},
      {"fp8", {Element::E4M3, 8, 0, Zero::Middle, ScaleCode::Float, at::kFloat}},
      {"mxfp4", {Element::E2M1, 4, 32, Zero::Middle, ScaleCode::E8M0, at::kFloat}},
      {"nvfp4", {Element::E2M1, 4, 16, Zero::Middle, ScaleCode::E4M3, at::kFloat}}};
  return kNamed;
}

std::string to_string(const Encoding& encoding) {
  if (encoding.plain()) return "16";
  for (const auto& [name, known] : named_encodings()) {
    if (known == encoding) return name;
  }
  return to_string(canonical_spec("int", options_of(encoding)));
}

Encoding parse_encoding(const std::string& text) {
  if (text == "16") return full_precision();
  Spec spec = parse_spec(text);
  if (spec.name != "int") {
    require(spec.options.empty(), ErrorCode::Usage, "{}: the encoding {} takes no options", text,
            spec.name);
    spec.set("type", spec.name);
  }
  return parse_options<EncodingOptions>(spec).encoding();
}

Encoding resolved(Encoding encoding, at::ScalarType checkpoint_dtype) {
  if (encoding.scale_dtype == at::ScalarType::Undefined && !encoding.plain())
    encoding.scale_dtype = checkpoint_dtype;
  return encoding;
}

const std::vector<float>& level_table(Element element) {
  static const std::vector<float> kNone;
  static const std::vector<float> kNl4 = {-127, -104, -83, -65, -49, -35, -22, -10,
                                          1,    13,   25,  38,  53,  69,  89,  113};
  static const std::vector<float> kE2M1 = float_levels(1, 1, 8);
  static const std::vector<float> kE4M3 = float_levels(3, 7, 127);
  switch (element) {
    case Element::Nl4:
      return kNl4;
    case Element::E2M1:
      return kE2M1;
    case Element::E4M3:
      return kE4M3;
    default:
      return kNone;
  }
}

int top_code(const Encoding& encoding) {
  const auto& levels = level_table(encoding.element);
  return levels.empty() ? (1 << encoding.bits) - 1 : static_cast<int>(levels.size()) - 1;
}

int middle_code(const Encoding& encoding) { return 1 << (encoding.bits - 1); }

int64_t group_columns(const Encoding& encoding, int64_t in) {
  return encoding.group == 0 ? in : encoding.group;
}

int64_t groups_of_super(const Encoding& encoding) {
  return encoding.scale == ScaleCode::Sub ? encoding.super_group / encoding.group : 1;
}

int64_t group_count(const Encoding& encoding, int64_t in, const std::string& where) {
  const int64_t columns = group_columns(encoding, in);
  require(
      columns > 0 && in % columns == 0, ErrorCode::Usage,
      "{}: group={} does not divide its {} input channels; choose a divisor, or group=0 for one "
      "group a row",
      where, encoding.group, in);
  require(encoding.super_group == 0 || in % encoding.super_group == 0, ErrorCode::Usage,
          "{}: {} comes in blocks of {}, which do not divide its {} input channels", where,
          to_string(encoding), encoding.super_group, in);
  return in / columns;
}

int64_t high_channels(const Encoding& encoding, int64_t in) {
  const auto channels = std::llround(encoding.high_ratio * static_cast<double>(in));
  return std::clamp<int64_t>(channels, 1, in);
}

int64_t code_bytes(const Encoding& encoding, int64_t out, int64_t in) {
  const int64_t high = encoding.hybrid() ? high_channels(encoding, in) : 0;
  return (out * ((in - high) * encoding.bits + high * encoding.high_bits) + 7) / 8;
}

double mean_code_bits(const Encoding& encoding) {
  return encoding.hybrid()
             ? encoding.bits + (encoding.high_bits - encoding.bits) * encoding.high_ratio
             : encoding.bits;
}

std::vector<Piece> pieces_of(const Encoding& encoding, int64_t in, const std::string& where) {
  if (encoding.plain()) return {{encoding, in}};
  if (!encoding.hybrid()) {
    group_count(encoding, in, where);
    return {{encoding, in}};
  }
  std::vector<Piece> pieces;
  const auto add = [&](int bits, int64_t columns) {
    Encoding grouped = encoding;
    grouped.bits = bits;
    grouped.high_bits = 0;
    grouped.high_ratio = 0;
    const int64_t group = group_columns(grouped, columns);
    const int64_t whole = group > 0 ? columns / group * group : columns;
    Encoding rest = grouped;
    rest.group = 0;
    if (whole > 0) pieces.push_back({grouped, whole});
    if (columns > whole) pieces.push_back({rest, columns - whole});
  };
  const int64_t high = high_channels(encoding, in);
  add(encoding.bits, in - high);
  add(encoding.high_bits, high);
  return pieces;
}

}  // namespace mpq
