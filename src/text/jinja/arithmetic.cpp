// Python's arithmetic; an integer beyond 64 bits is an error rather than a wrong number.
#include <cmath>
#include <limits>

#include "budget.h"
#include "operations.h"
#include "python_text.h"

namespace mpq::text::jinja {
namespace {

[[noreturn]] void unsupported(const std::string& operation, const Value& left, const Value& right) {
  for (const Value* value : {&left, &right}) {
    if (value->is_undefined()) raise("{}", value->reason());
  }
  raise("unsupported operand type(s) for {}: '{}' and '{}'", operation, type_name(left),
        type_name(right));
}

Value repeated(const Value& value, int64_t count) {
  const auto times = static_cast<uint64_t>(std::max<int64_t>(count, 0));
  if (value.is_text()) {
    const std::string& bytes = value.as_text();
    if (times > 0 && bytes.size() > kMaxTextBytes / times) require_text_size(SIZE_MAX);
    std::string out;
    out.reserve(bytes.size() * times);
    for (uint64_t i = 0; !bytes.empty() && i < times; ++i) out += bytes;
    return Value::text(std::move(out), value.is_markup());
  }
  const auto& items = value.items();
  if (times > 0 && items.size() > kMaxItems / times) require_item_count(SIZE_MAX);
  std::vector<Value> out;
  for (uint64_t i = 0; !items.empty() && i < times; ++i) {
    out.insert(out.end(), items.begin(), items.end());
  }
  return value.is(Kind::List) ? Value::list(std::move(out)) : Value::tuple(std::move(out));
}

Value added_texts(const Value& left, const Value& right) {
  const bool markup = left.is_markup() || right.is_markup();
  const auto bytes = [markup](const Value& value) {
    return markup && !value.is_markup() ? html_escaped(value.as_text()) : value.as_text();
  };
  return Value::text(bytes(left) + bytes(right), markup);
}

Value added_sequences(const Value& left, const Value& right) {
  std::vector<Value> items = left.items();
  items.insert(items.end(), right.items().begin(), right.items().end());
  return left.is(Kind::List) ? Value::list(std::move(items)) : Value::tuple(std::move(items));
}

int64_t floor_divided(int64_t left, int64_t right) {
  if (right == -1) {
    checked(left == std::numeric_limits<int64_t>::min(), 0);
    return -left;
  }
  const int64_t quotient = left / right;
  return quotient - (left % right != 0 && (left < 0) != (right < 0));
}

int64_t integer_power(int64_t base, int64_t exponent) {
  int64_t result = 1;
  if (base == 1 || base == 0 || base == -1) {  // any exponent
    return base == -1 ? (exponent % 2 ? -1 : 1) : exponent == 0 ? 1 : base;
  }
  for (int64_t i = 0; i < exponent; ++i) {
    const bool overflows = __builtin_mul_overflow(result, base, &result);
    checked(overflows, result);
  }
  return result;
}

Value integers(const std::string& operation, int64_t a, int64_t b) {
  int64_t result = 0;
  if (operation == "+") {
    const bool overflows = __builtin_add_overflow(a, b, &result);
    return Value::integer(checked(overflows, result));
  }
  if (operation == "-") {
    const bool overflows = __builtin_sub_overflow(a, b, &result);
    return Value::integer(checked(overflows, result));
  }
  if (operation == "*") {
    const bool overflows = __builtin_mul_overflow(a, b, &result);
    return Value::integer(checked(overflows, result));
  }
  if (operation == "**") {
    if (b >= 0) return Value::integer(integer_power(a, b));
    if (a == 0) raise("0.0 cannot be raised to a negative power");
    return Value::number(std::pow(static_cast<double>(a), static_cast<double>(b)));
  }
  if (b == 0) {
    raise("{}", operation == "/" ? "division by zero" : "integer division or modulo by zero");
  }
  if (operation == "/") return Value::number(static_cast<double>(a) / static_cast<double>(b));
  if (operation == "%" && b == -1) return Value::integer(0);
  const int64_t quotient = floor_divided(a, b);
  return Value::integer(operation == "//" ? quotient : a - quotient * b);
}

double float_remainder(double a, double b) {
  const double rest = std::fmod(a, b);
  if (rest == 0) return std::copysign(0.0, b);
  return (rest < 0) != (b < 0) ? rest + b : rest;
}

double float_floor(double a, double b) {
  // After CPython's float_divmod: the quotient of what the remainder leaves.
  const double quotient = (a - float_remainder(a, b)) / b;
  if (quotient == 0) return std::copysign(0.0, a / b);
  const double floor = std::floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}

double float_power(double a, double b) {
  if (a == 0 && b < 0) raise("0.0 cannot be raised to a negative power");
  if (a < 0 && std::isfinite(a) && std::isfinite(b) && std::floor(b) != b) {
    fail(ErrorCode::Unsupported, "complex numbers are not supported");
  }
  const double result = std::pow(a, b);
  if (std::isinf(result) && std::isfinite(a) && std::isfinite(b))
    raise("numerical result out of range");
  return result;
}

Value floats(const std::string& operation, double a, double b) {
  if (operation == "+") return Value::number(a + b);
  if (operation == "-") return Value::number(a - b);
  if (operation == "*") return Value::number(a * b);
  if (operation == "**") return Value::number(float_power(a, b));
  if (b == 0) raise("float division by zero");
  if (operation == "/") return Value::number(a / b);
  return Value::number(operation == "//" ? float_floor(a, b) : float_remainder(a, b));
}

Value compute(const std::string& operation, const Value& left, const Value& right) {
  if (left.is_integral() && right.is_integral()) {
    return integers(operation, left.as_integer(), right.as_integer());
  }
  if (left.is_numeric() && right.is_numeric()) {
    return floats(operation, left.as_number(), right.as_number());
  }
  if (operation == "%" && left.is_text()) return percent_format(left, right);
  if (operation == "*") {
    const auto repeats = [](const Value& value) { return value.is_text() || value.is_sequence(); };
    if (repeats(left) && right.is_integral()) return repeated(left, right.as_integer());
    if (repeats(right) && left.is_integral()) return repeated(right, left.as_integer());
  }
  if (operation == "+") {
    if (left.is_text() && right.is_text()) return added_texts(left, right);
    if (left.is_sequence() && left.kind() == right.kind()) return added_sequences(left, right);
  }
  unsupported(operation, left, right);
}

}  // namespace

int64_t checked(bool overflows, int64_t result) {
  if (overflows) fail(ErrorCode::Unsupported, "an integer of more than 64 bits");
  return result;
}

Value arithmetic(const std::string& operation, const Value& left, const Value& right) {
  Value result = compute(operation, left, right);
  if (result.is_text()) Budget::spend_bytes(result.as_text().size());
  if (result.is_sequence()) Budget::spend_bytes(result.items().size() * sizeof(Value));
  return result;
}

Value negated(const Value& value) {
  if (value.is(Kind::Float)) return Value::number(-value.as_number());
  if (value.is_undefined()) raise("{}", value.reason());
  if (!value.is_integral()) raise("bad operand type for unary -: '{}'", type_name(value));
  return integers("-", 0, value.as_integer());
}

Value positive(const Value& value) {
  if (value.is(Kind::Float)) return value;
  if (value.is_undefined()) raise("{}", value.reason());
  if (!value.is_integral()) raise("bad operand type for unary +: '{}'", type_name(value));
  return Value::integer(value.as_integer());
}

Value absolute(const Value& value) {
  if (value.is(Kind::Float)) return Value::number(std::abs(value.as_number()));
  if (!value.is_integral()) raise("bad operand type for abs(): '{}'", type_name(value));
  const Value plain = Value::integer(value.as_integer());
  return plain.as_integer() < 0 ? negated(plain) : plain;
}

}  // namespace mpq::text::jinja
