// text % arguments, the formatting of C that Python kept.
#include <cmath>
#include <cstdio>

#include "budget.h"
#include "dict.h"
#include "format_parts.h"
#include "mpq/core/decimal_point.h"
#include "operations.h"
#include "python_text.h"

namespace mpq::text::jinja {
namespace {

struct Directive {
  bool left = false, plus = false, space = false, alternate = false, zero = false;
  int64_t width = 0, precision = -1;
  char type = 0;
};

class PercentFormatter {
 public:
  PercentFormatter(const Value& format, const Value& arguments)
      : format_(format), arguments_(arguments), is_tuple_(arguments.is(Kind::Tuple)) {}

  Value run();

 private:
  // What has [] and is neither tuple nor text.
  bool is_mapping() const {
    return arguments_.is(Kind::Dict) || arguments_.is(Kind::List) || arguments_.is_undefined() ||
           arguments_.object_as<Range>();
  }
  const Value& next_argument();
  Value key_argument(size_t& at);
  int64_t number_at(size_t& at);
  void directive(size_t& at);
  std::string converted(const Directive& directive, const Value& value) const;
  void put(const std::string& text) {
    out_ += text;
    require_text_size(out_.size());
  }

  const Value& format_;
  const Value& arguments_;
  const bool is_tuple_;
  size_t used_ = 0;
  bool used_key_ = false;
  std::string out_;
};

const Value& PercentFormatter::next_argument() {
  const size_t count = is_tuple_ ? arguments_.items().size() : 1;
  if (used_ >= count) raise("not enough arguments for format string");
  ++used_;
  return is_tuple_ ? arguments_.items()[used_ - 1] : arguments_;
}

Value PercentFormatter::key_argument(size_t& at) {
  const std::string& text = format_.as_text();
  if (!is_mapping()) raise("format requires a mapping");
  const size_t begin = ++at;
  int depth = 1;
  for (; at < text.size() && depth > 0; ++at)
    depth += text[at] == '(' ? 1 : text[at] == ')' ? -1 : 0;
  if (depth > 0) raise("incomplete format key");
  const std::string key = text.substr(begin, at - begin - 1);
  used_key_ = true;
  if (!arguments_.is(Kind::Dict)) raise("'{}' has no item '{}'", type_name(arguments_), key);
  const Value* found = arguments_.as_dict().find(key);
  if (!found) raise("KeyError: '{}'", key);
  return *found;
}

int64_t PercentFormatter::number_at(size_t& at) {
  const std::string& text = format_.as_text();
  if (at < text.size() && text[at] == '*') {
    ++at;
    const Value& value = next_argument();
    if (!value.is_integral()) raise("* wants int");
    return value.as_integer();
  }
  int64_t number = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    number = number * 10 + (text[at] - '0');
    require_text_size(static_cast<size_t>(number));
  }
  return number;
}

std::string integer_digits(const Directive& directive, const Value& value, bool& is_negative,
                           std::string& prefix) {
  const bool is_decimal_type =
      directive.type == 'd' || directive.type == 'i' || directive.type == 'u';
  if (!value.is_integral() && !(is_decimal_type && value.is(Kind::Float))) {
    raise("%{} format: {} is required, not {}", directive.type,
          is_decimal_type ? "a real number" : "an integer", type_name(value));
  }
  if (!std::isfinite(value.as_number())) raise("cannot convert float infinity or NaN to integer");
  checked(value.is(Kind::Float) && std::abs(value.as_number()) >= 9.2233720368547758e18, 0);
  const int64_t number =
      value.is_integral() ? value.as_integer() : static_cast<int64_t>(value.as_number());
  is_negative = number < 0;
  if (directive.alternate && !is_decimal_type) prefix = std::string("0") + directive.type;
  std::string digits =
      digits_of(is_negative ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number),
                directive.type);
  const auto least = static_cast<size_t>(std::max<int64_t>(directive.precision, 0));
  if (digits.size() < least) digits.insert(0, least - digits.size(), '0');
  return digits;
}

std::string number_text(const Directive& directive, const Value& value) {
  bool is_negative = false;
  std::string prefix, digits;
  if (std::string_view("diuoxX").find(directive.type) != std::string_view::npos) {
    digits = integer_digits(directive, value, is_negative, prefix);
  } else {
    if (value.is_undefined()) raise("{}", value.reason());
    if (!value.is_numeric()) raise("must be real number, not {}", type_name(value));
    const double number = value.as_number();
    is_negative = std::signbit(number) && !std::isnan(number);
    digits = printf_number(std::abs(number), directive.type,
                           directive.precision < 0 ? 6 : directive.precision, directive.alternate);
  }
  const std::string sign = is_negative ? "-" : directive.plus ? "+" : directive.space ? " " : "";
  const size_t size = sign.size() + prefix.size() + digits.size();
  const auto width = static_cast<size_t>(directive.width);
  if (directive.zero && !directive.left && size < width) digits.insert(0, width - size, '0');
  return sign + prefix + digits;
}

std::string character(const Value& value) {
  if (value.is_text()) {
    if (code_point_count(value.as_text()) != 1) raise("%c requires int or char");
    return value.as_text();
  }
  if (!value.is_integral()) raise("%c requires int or char");
  const int64_t code = value.as_integer();
  if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
    raise("%c arg not in range(0x110000)");
  }
  return utf8_of(std::u32string(1, static_cast<char32_t>(code)));
}

std::string PercentFormatter::converted(const Directive& directive, const Value& value) const {
  switch (directive.type) {
    case 's':
    case 'r':
    case 'a': {
      std::string text = directive.type == 's' ? to_text(value) : to_repr(value);
      if (format_.is_markup() && !value.is_markup()) text = html_escaped(text);
      if (directive.precision < 0) return text;
      return utf8_of(code_points(text).substr(0, static_cast<size_t>(directive.precision)));
    }
    case 'c':
      return character(value);
    default:
      break;
  }
  if (std::string_view("diuoxXeEfFgG").find(directive.type) == std::string_view::npos) {
    raise("unsupported format character '{}'", directive.type);
  }
  return number_text(directive, value);
}

void PercentFormatter::directive(size_t& at) {
  const std::string& text = format_.as_text();
  Directive directive;
  std::optional<Value> value;
  if (at < text.size() && text[at] == '(') value = key_argument(at);
  for (; at < text.size(); ++at) {
    if (text[at] == '-') {
      directive.left = true;
    } else if (text[at] == '+') {
      directive.plus = true;
    } else if (text[at] == ' ') {
      directive.space = true;
    } else if (text[at] == '#') {
      directive.alternate = true;
    } else if (text[at] == '0') {
      directive.zero = true;
    } else {
      break;
    }
  }
  directive.width = number_at(at);
  if (directive.width < 0) {
    directive.left = true;
    directive.width = directive.width == INT64_MIN ? INT64_MAX : -directive.width;
  }
  if (at < text.size() && text[at] == '.') {
    ++at;
    directive.precision = std::max<int64_t>(number_at(at), 0);
  }
  require_text_size(static_cast<size_t>(directive.width));
  require_text_size(static_cast<size_t>(std::max<int64_t>(directive.precision, 0)));
  if (at < text.size() && (text[at] == 'h' || text[at] == 'l' || text[at] == 'L')) ++at;
  if (at >= text.size()) raise("incomplete format");
  directive.type = text[at++];
  if (directive.type == '%') return put("%");
  const std::string body = converted(directive, value ? *value : next_argument());
  const auto size = static_cast<int64_t>(code_point_count(body));
  const std::string padding(static_cast<size_t>(std::max<int64_t>(directive.width - size, 0)), ' ');
  put(directive.left ? body + padding : padding + body);
}

Value PercentFormatter::run() {
  const std::string& text = format_.as_text();
  for (size_t at = 0; at < text.size();) {
    const size_t next = std::min(text.find('%', at), text.size());
    put(text.substr(at, next - at));
    at = next + 1;
    if (next < text.size()) directive(at);
  }
  const bool is_rest = is_tuple_ ? used_ < arguments_.items().size() : used_ == 0 && !is_mapping();
  if (is_rest) raise("not all arguments converted during string formatting");
  return Value::text(std::move(out_), format_.is_markup());
}

}  // namespace

std::string digits_of(uint64_t value, char type) {
  switch (type) {
    case 'b':
      return fmt::format("{:b}", value);
    case 'o':
      return fmt::format("{:o}", value);
    case 'x':
      return fmt::format("{:x}", value);
    case 'X':
      return fmt::format("{:X}", value);
    default:
      return fmt::format("{}", value);
  }
}

std::string printf_number(double value, char type, int64_t precision, bool alternate) {
  require_text_size(static_cast<size_t>(precision));
  const char format[] = {'%', alternate ? '#' : '0', '.', '*', type, 0};
  const auto digits = static_cast<int>(precision);
  const DecimalPoint plain;
  const int size = std::snprintf(nullptr, 0, format, digits, value);
  std::string text(static_cast<size_t>(size) + 1, '\0');
  std::snprintf(text.data(), text.size(), format, digits, value);
  text.pop_back();
  return text;
}

Value percent_format(const Value& format, const Value& arguments) {
  return PercentFormatter(format, arguments).run();
}

}  // namespace mpq::text::jinja
