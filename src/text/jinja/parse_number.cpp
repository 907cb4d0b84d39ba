// int() and float() of a text.
#include <cmath>

#include "literals.h"
#include "mpq/core/decimal_point.h"
#include "operations.h"
#include "python_text.h"

namespace mpq::text::jinja {
namespace {

// White space gone, digits of every script ASCII; nothing when something else is not ASCII.
std::optional<std::string> ascii_of(std::string_view text) {
  std::string out;
  for (const char32_t c : code_points(stripped(text, std::nullopt, true, true))) {
    if (c >= 0x80 && !is_decimal(c)) return std::nullopt;
    out += c < 0x80 ? static_cast<char>(c) : static_cast<char>('0' + decimal_value(c));
  }
  return out;
}

// Underscores stand between two digits only.
bool drop_underscores(std::string& text, bool may_lead) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
      continue;
    }
    const bool behind = i > 0 ? digit_of(text[i - 1]) < 36 : may_lead;
    if (!behind || i + 1 == text.size() || digit_of(text[i + 1]) >= 36) return false;
  }
  text = out;
  return true;
}

int prefix_base(std::string_view text) {
  if (text.size() < 2 || text[0] != '0') return 0;
  const char letter = static_cast<char>(text[1] | 0x20);
  return letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
}

bool is_float_syntax(std::string_view text) {
  size_t at = 0;
  const auto digits = [&] {
    const size_t begin = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - begin;
  };
  if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
  size_t count = digits();
  if (at < text.size() && text[at] == '.') {
    ++at;
    count += digits();
  }
  if (count == 0) return false;
  if (at < text.size() && (text[at] | 0x20) == 'e') {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

}  // namespace

std::optional<int64_t> parse_integer(std::string_view source, int base) {
  auto text = ascii_of(source);
  if (!text || text->empty()) return std::nullopt;
  const bool is_negative = (*text)[0] == '-';
  if (is_negative || (*text)[0] == '+') text->erase(0, 1);
  const int prefix = prefix_base(*text);
  const bool has_prefix = prefix != 0 && (base == 0 || base == prefix);
  if (has_prefix) text->erase(0, 2);
  if (!drop_underscores(*text, has_prefix) || text->empty()) return std::nullopt;
  if (base == 0 && !has_prefix && (*text)[0] == '0' &&
      text->find_first_not_of('0') != std::string::npos) {
    return std::nullopt;
  }
  const int radix = base != 0 ? base : has_prefix ? prefix : 10;
  for (const char c : *text) {
    if (digit_of(c) >= radix) return std::nullopt;
  }
  int64_t value = 0;
  for (const char c : *text) {
    const bool overflows = __builtin_mul_overflow(value, int64_t{radix}, &value) ||
                           __builtin_sub_overflow(value, int64_t{digit_of(c)}, &value);
    checked(overflows, value);
  }
  return is_negative ? value : checked(value == INT64_MIN, value == INT64_MIN ? 0 : -value);
}

std::optional<double> parse_number(std::string_view source) {
  auto text = ascii_of(source);
  if (!text) return std::nullopt;
  std::string name = to_lower(*text);
  const bool is_negative = name.starts_with("-");
  if (is_negative || name.starts_with("+")) name.erase(0, 1);
  if (name == "inf" || name == "infinity") return is_negative ? -HUGE_VAL : HUGE_VAL;
  if (name == "nan") return std::nan("");
  for (size_t i = 0; i < text->size(); ++i) {  // an underscore stands between decimal digits
    const bool is_misplaced = i == 0 || i + 1 == text->size() || digit_of((*text)[i - 1]) > 9 ||
                              digit_of((*text)[i + 1]) > 9;
    if ((*text)[i] == '_' && is_misplaced) return std::nullopt;
  }
  std::erase(*text, '_');
  if (!is_float_syntax(*text)) return std::nullopt;
  return decimal_number(*text);
}

}  // namespace mpq::text::jinja
