// Filters of numbers.
#include <cmath>

#include "bound_arguments.h"
#include "filters.h"
#include "format_parts.h"
#include "mpq/core/decimal_point.h"
#include "operations.h"
#include "python_text.h"

namespace mpq::text::jinja {
namespace {

Value abs_value(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "abs", {});
  return absolute(subject);
}

Value truncated(double number) {
  if (std::isnan(number)) raise("cannot convert float NaN to integer");
  if (std::isinf(number)) raise("cannot convert float infinity to integer");
  checked(std::abs(number) >= 9.2233720368547758e18, 0);
  return Value::integer(static_cast<int64_t>(number));
}

Value to_integer(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "int", {"default", "base"});
  const int64_t base = bound.integer(1, 10);
  const Value fallback = bound.value_or(0, Value::integer(0));
  if (subject.is_undefined()) raise("{}", subject.reason());
  if (subject.is_integral()) return Value::integer(subject.as_integer());
  if (subject.is(Kind::Float)) {
    return std::isnan(subject.as_number()) ? fallback : truncated(subject.as_number());
  }
  if (!subject.is_text()) return fallback;
  const bool has_base = base == 0 || (base >= 2 && base <= 36);
  if (const auto value =
          has_base ? parse_integer(subject.as_text(), static_cast<int>(base)) : std::nullopt) {
    return Value::integer(*value);
  }
  const auto number = parse_number(subject.as_text());
  return number && std::isfinite(*number) ? truncated(*number) : fallback;
}

Value to_float(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "float", {"default"});
  if (subject.is_undefined()) raise("{}", subject.reason());
  if (subject.is_numeric()) return Value::number(subject.as_number());
  const auto number = subject.is_text() ? parse_number(subject.as_text()) : std::nullopt;
  return number ? Value::number(*number) : bound.value_or(0, Value::number(0));
}

// Half to even, at a digit left of the point.
int64_t rounded_to_power(int64_t value, int64_t digits) {
  int64_t power = 1;
  for (int64_t i = 0; i < digits; ++i) power *= 10;
  const int64_t rest = ((value % power) + power) % power;
  const int64_t quotient = (value - value % power) / power - (value % power < 0 ? 1 : 0);
  const bool is_half = rest == power - rest;
  const bool up = is_half ? quotient % 2 != 0 : rest > power - rest;
  int64_t result = 0;
  const bool overflows = __builtin_mul_overflow(quotient + (up ? 1 : 0), power, &result);
  return checked(overflows, result);
}

Value rounded(const Value& subject, int64_t precision) {
  if (subject.is_integral()) {
    const int64_t value = subject.as_integer();
    if (precision < -18) return Value::integer(0);
    return Value::integer(precision >= 0 ? value : rounded_to_power(value, -precision));
  }
  const double number = subject.as_number();
  if (!std::isfinite(number) || precision > 323) return subject;
  if (precision < 0) {
    const double power = std::pow(10.0, -static_cast<double>(precision));
    return Value::number(std::isinf(power) ? std::copysign(0.0, number)
                                           : std::nearbyint(number / power) * power);
  }
  // printf rounds the exact value half to even, as Python does.
  const std::string digits = printf_number(std::abs(number), 'f', precision, false);
  return Value::number(std::copysign(decimal_number(digits), number));
}

Value round_filter(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "round", {"precision", "method"});
  const bool to_whole = bound.has(0) && bound[0].is_none();  // round(x, None) is an int
  const int64_t precision = to_whole ? 0 : bound.integer(0, 0);
  const std::string method = bound.text(1, "common");
  if (subject.is_undefined()) raise("{}", subject.reason());
  if (method != "common" && method != "ceil" && method != "floor") {
    raise("method must be common, ceil or floor");
  }
  if (!subject.is_numeric()) raise("type {} doesn't define __round__ method", type_name(subject));
  if (method == "common" && to_whole) return truncated(std::nearbyint(subject.as_number()));
  if (method == "common") return rounded(subject, precision);
  if (to_whole) raise("unsupported operand type(s) for **: 'int' and 'NoneType'");
  const Value power = arithmetic("**", Value::integer(10), Value::integer(precision));
  const double scaled = arithmetic("*", subject, power).as_number();
  return arithmetic("/", truncated(method == "ceil" ? std::ceil(scaled) : std::floor(scaled)),
                    power);
}

Value file_size(const Value& subject, const Arguments& arguments) {
  const BoundArguments bound(arguments, "filesizeformat", {"binary"});
  const bool binary = bound.truth(0, false);
  const auto parsed = subject.is_numeric() ? std::optional(subject.as_number())
                      : subject.is_text()  ? parse_number(subject.as_text())
                                           : std::nullopt;
  if (!parsed) raise("filesizeformat expects a number, found '{}'", type_name(subject));
  const double bytes = *parsed, base = binary ? 1024 : 1000;
  if (bytes == 1) return Value::text("1 Byte");
  if (bytes < base) return Value::text(fmt::format("{} Bytes", truncated(bytes).as_integer()));
  double unit = base;
  static constexpr std::string_view kLetters = "kMGTPEZY";
  for (size_t i = 0; i < kLetters.size(); ++i) {
    unit *= base;
    if (bytes >= unit && i + 1 < kLetters.size()) continue;
    const std::string letter(1, binary && i == 0 ? 'K' : kLetters[i]);
    return Value::text(printf_number(base * bytes / unit, 'f', 1, false) + " " + letter +
                       (binary ? "iB" : "B"));
  }
  return subject;
}

}  // namespace

const Filters& number_filters() {
  static const Filters filters = {{"abs", abs_value},
                                  {"filesizeformat", file_size},
                                  {"float", to_float},
                                  {"int", to_integer},
                                  {"round", round_filter}};
  return filters;
}

}  // namespace mpq::text::jinja
