// format(value, specification): Python's format mini-language for str, int and float.
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "budget.h"
#include "format_parts.h"
#include "methods.h"
#include "operations.h"
#include "python_text.h"

namespace mpq::text::jinja {
namespace {

struct Specification {
  char32_t fill = U' ';
  char align = 0;  // < > = ^, or the type's own
  char sign = '-';
  bool alternate = false;
  bool zero = false;
  int64_t width = 0;
  char grouping = 0;
  int64_t precision = -1;
  char type = 0;
};

bool is_align(char32_t c) { return c == '<' || c == '>' || c == '=' || c == '^'; }

int64_t read_count(std::u32string_view text, size_t& at) {
  int64_t value = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    value = value * 10 + static_cast<int64_t>(text[at] - '0');
    require_text_size(static_cast<size_t>(value));
  }
  return value;
}

Specification parse(const std::string& source) {
  const std::u32string text = code_points(source);
  Specification spec;
  size_t at = 0;
  const auto takes = [&](char32_t c) { return at < text.size() && text[at] == c && ++at; };
  bool has_fill = false;
  if (text.size() > 1 && is_align(text[1])) {
    spec.fill = text[0];
    has_fill = true;
    at = 1;
  }
  if (at < text.size() && is_align(text[at])) spec.align = static_cast<char>(text[at++]);
  if (at < text.size() && (text[at] == '+' || text[at] == '-' || text[at] == ' ')) {
    spec.sign = static_cast<char>(text[at++]);
  }
  spec.alternate = takes('#');
  if (!has_fill && takes('0')) {
    spec.fill = '0';
    spec.zero = true;
  }
  spec.width = read_count(text, at);
  if (takes(',')) spec.grouping = ',';
  if (takes('_')) spec.grouping = '_';
  if (takes('.')) {
    const size_t begin = at;
    spec.precision = read_count(text, at);
    if (at == begin) raise("Format specifier missing precision");
  }
  if (at < text.size() && text[at] < 0x80) spec.type = static_cast<char>(text[at++]);
  if (at < text.size()) raise("Invalid format specifier '{}'", source);
  return spec;
}

std::string aligned(const Specification& spec, const std::string& prefix, const std::string& body,
                    char default_align) {
  const auto size = static_cast<int64_t>(code_point_count(prefix) + code_point_count(body));
  const auto missing = static_cast<size_t>(std::max<int64_t>(spec.width - size, 0));
  const auto padding = [&](size_t count) { return utf8_of(std::u32string(count, spec.fill)); };
  switch (spec.align ? spec.align : default_align) {
    case '<':
      return prefix + body + padding(missing);
    case '^':
      return padding(missing / 2) + prefix + body + padding(missing - missing / 2);
    case '=':
      return prefix + padding(missing) + body;
    default:
      return padding(missing) + prefix + body;
  }
}

std::string grouped(const std::string& digits, char separator, size_t group) {
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % group == 0) out += separator;
    out += digits[i];
  }
  return out;
}

// Sign and prefix, digits with their groups, and what follows them.
std::string number_layout(const Specification& spec, bool is_negative, const std::string& prefix,
                          std::string digits, const std::string& rest, size_t group) {
  const std::string sign = is_negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
  if (spec.grouping) {
    const bool zero_padded = spec.fill == '0' && (spec.align ? spec.align == '=' : spec.zero);
    std::string body = grouped(digits, spec.grouping, group);
    const size_t others = sign.size() + prefix.size() + rest.size();
    while (zero_padded && static_cast<int64_t>(others + body.size()) < spec.width) {
      digits.insert(digits.begin(), '0');
      body = grouped(digits, spec.grouping, group);
    }
    digits = body;
  }
  return aligned(spec, sign + prefix, digits + rest, spec.zero ? '=' : '>');
}

std::string format_integer(const Specification& spec, int64_t value) {
  if (spec.precision >= 0) raise("Precision not allowed in integer format specifier");
  if (spec.type == 'c') {
    if (spec.sign != '-' || spec.alternate) raise("sign is not allowed with format 'c'");
    if (value < 0 || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) {
      raise("%c arg not in range(0x110000)");
    }
    return aligned(spec, "", utf8_of(std::u32string(1, static_cast<char32_t>(value))), '<');
  }
  const bool is_decimal_type = spec.type == 0 || spec.type == 'd' || spec.type == 'n';
  if (spec.grouping == ',' && (!is_decimal_type || spec.type == 'n')) {
    raise("Cannot specify ',' with '{}'.", spec.type);
  }
  std::string prefix;
  if (spec.alternate && !is_decimal_type) prefix = std::string("0") + spec.type;
  const uint64_t size = value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  return number_layout(spec, value < 0, prefix, digits_of(size, spec.type), "",
                       is_decimal_type ? 3 : 4);
}

// Digits of a float without sign.
std::string float_digits(const Specification& spec, double value) {
  if (spec.type == 0 && spec.precision < 0) return number_repr(value);
  char type = spec.type == 0 || spec.type == 'n' ? 'g' : spec.type;
  if (type == '%') type = 'f', value *= 100;
  int64_t precision = spec.precision < 0 ? 6 : spec.precision;
  std::string digits = printf_number(value, type, precision, spec.alternate);
  const bool is_bare = digits.find_first_of(".enai") == std::string::npos;
  if (spec.type == 0 && is_bare) {
    // Python writes at least one digit behind the point, or an exponent where it has no room.
    digits = static_cast<int64_t>(digits.size()) >= precision && precision > 0
                 ? printf_number(value, 'e', precision - 1, spec.alternate)
                 : digits + ".0";
  }
  return spec.type == '%' ? digits + "%" : digits;
}

std::string format_float(const Specification& spec, double value) {
  std::string digits = float_digits(spec, std::abs(value));
  const bool is_negative = std::signbit(value) && !std::isnan(value);
  const size_t end = std::min(digits.find_first_not_of("0123456789"), digits.size());
  return number_layout(spec, is_negative, "", digits.substr(0, end), digits.substr(end), 3);
}

std::string format_text_value(const Specification& spec, const std::string& text) {
  if (spec.type != 0 && spec.type != 's') {
    raise("Unknown format code '{}' for object of type 'str'", spec.type);
  }
  if (spec.sign != '-') raise("Sign not allowed in string format specifier");
  if (spec.alternate) raise("Alternate form (#) not allowed in string format specifier");
  if (spec.align == '=') raise("'=' alignment not allowed in string format specifier");
  if (spec.grouping) raise("Cannot specify '{}' with 's'.", spec.grouping);
  if (spec.precision < 0) return aligned(spec, "", text, '<');
  const std::u32string points = code_points(text);
  return aligned(
      spec, "", utf8_of(std::u32string_view(points).substr(0, static_cast<size_t>(spec.precision))),
      '<');
}

bool is_type(char type, std::string_view types) {
  return type == 0 || types.find(type) != std::string_view::npos;
}

}  // namespace

std::string format_value(const Value& value, const std::string& specification) {
  if (specification.empty()) return to_text(value);
  if (!value.is_text() && !value.is_numeric()) {
    raise("unsupported format string passed to {}.__format__", type_name(value));
  }
  const Specification spec = parse(specification);
  require_text_size(static_cast<size_t>(spec.width + std::max<int64_t>(spec.precision, 0)));
  if (value.is_text()) return format_text_value(spec, value.as_text());
  if (value.is_integral() && is_type(spec.type, "bcdoxXn")) {
    return format_integer(spec, value.as_integer());
  }
  if (!is_type(spec.type, "eEfFgGn%")) {
    raise("Unknown format code '{}' for object of type '{}'", spec.type, type_name(value));
  }
  return format_float(spec, value.as_number());
}

}  // namespace mpq::text::jinja
