// Number literals with underscores and bases; the escapes of Python's text literals.
#include "literals.h"

#include <algorithm>

#include "lexer.h"
#include "mpq/core/decimal_point.h"
#include "utf8.h"

namespace mpq::text::jinja {

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'z' ? lower - 'a' + 10 : 99;
}

namespace {

// Digits with single underscores between them, from `at`; their end, or `at` when there is none.
size_t digits_end(std::string_view text, size_t at, int base, bool may_lead) {
  size_t end = at;
  for (;;) {
    size_t next = end;
    if (next < text.size() && text[next] == '_' && (next > at || may_lead)) ++next;
    if (next >= text.size() || digit_of(text[next]) >= base) return end;
    end = next + 1;
  }
}

size_t float_end(std::string_view text) {
  const size_t whole = digits_end(text, 0, 10, false);
  size_t end = whole;
  if (end < text.size() && text[end] == '.') {
    const size_t fraction = digits_end(text, end + 1, 10, false);
    if (fraction > end + 1) end = fraction;
  }
  if (end < text.size() && (text[end] | 0x20) == 'e') {
    size_t exponent = end + 1;
    if (exponent < text.size() && (text[exponent] == '+' || text[exponent] == '-')) ++exponent;
    const size_t last = digits_end(text, exponent, 10, false);
    if (last > exponent) end = last;
  }
  return end > whole ? end : 0;
}

std::string without_underscores(std::string_view text) {
  std::string plain(text);
  std::erase(plain, '_');
  return plain;
}

void read_integer(std::string_view text, NumberLiteral& literal) {
  int base = 10;
  size_t begin = 0;
  if (text.size() > 1 && text[0] == '0') {
    const char letter = static_cast<char>(text[1] | 0x20);
    const int prefixed = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
    if (prefixed && digits_end(text, 2, prefixed, true) > 2) base = prefixed, begin = 2;
  }
  size_t end = digits_end(text, begin, base, begin == 2);
  if (base == 10 && text[0] == '0') {  // a zero is not followed by other digits
    end = 1;
    while (end < text.size()) {
      const size_t next = text[end] == '_' ? end + 1 : end;
      if (next >= text.size() || text[next] != '0') break;
      end = next + 1;
    }
  }
  for (const char c : without_underscores(text.substr(begin, end - begin))) {
    literal.overflows =
        literal.overflows ||
        __builtin_mul_overflow(literal.integer, int64_t{base}, &literal.integer) ||
        __builtin_add_overflow(literal.integer, int64_t{digit_of(c)}, &literal.integer);
  }
  literal.length = end;
}

// \xHH and the like: so many digits of a base.
char32_t numbered(std::string_view text, size_t& at, size_t count, int base, int line) {
  char32_t value = 0;
  for (size_t i = 0; i < count; ++i, ++at) {
    if (at >= text.size() || digit_of(text[at]) >= base) {
      syntax_error(line, "a text has a truncated escape");
    }
    value = value * static_cast<char32_t>(base) + static_cast<char32_t>(digit_of(text[at]));
  }
  if (value > 0x10FFFF) syntax_error(line, "a text has an illegal Unicode character");
  if (value >= 0xD800 && value < 0xE000) syntax_error(line, "a text has a lone surrogate");
  return value;
}

// A backslash before a letter outside ASCII: Python sees the letter's own escape and keeps it.
void keep_escaped(std::string& out, char32_t c) {
  const auto code = static_cast<uint32_t>(c);
  out += code < 0x100     ? fmt::format("\\x{:02x}", code)
         : code < 0x10000 ? fmt::format("\\u{:04x}", code)
                          : fmt::format("\\U{:08x}", code);
}

void escape(std::string_view text, size_t& at, std::string& out, int line) {
  static constexpr std::string_view kLetters = "\\'\"abfnrtv", kMeanings = "\\'\"\a\b\f\n\r\t\v";
  if (at >= text.size()) syntax_error(line, "\\ at end of string");
  const char32_t c = next_code_point(text, at);
  if (c >= 0x80) return keep_escaped(out, c);
  const char letter = static_cast<char>(c);
  if (const size_t index = kLetters.find(letter); index != std::string_view::npos) {
    out += kMeanings[index];
  } else if (letter == 'x') {
    append_utf8(out, numbered(text, at, 2, 16, line));
  } else if (letter == 'u') {
    append_utf8(out, numbered(text, at, 4, 16, line));
  } else if (letter == 'U') {
    append_utf8(out, numbered(text, at, 8, 16, line));
  } else if (letter == 'N') {
    fail(ErrorCode::Unsupported, "line {}: \\N{{...}} in a text is not supported", line);
  } else if (digit_of(letter) < 8) {
    size_t count = 1;
    --at;
    while (count < 3 && at + count < text.size() && digit_of(text[at + count]) < 8) ++count;
    append_utf8(out, numbered(text, at, count, 8, line));
  } else if (letter != '\n') {  // a line continued is nothing
    out += '\\';
    out += letter;
  }
}

}  // namespace

NumberLiteral read_number(std::string_view text, bool may_be_float) {
  NumberLiteral literal;
  if (const size_t end = may_be_float ? float_end(text) : 0; end > 0) {
    literal.is_float = true;
    literal.length = end;
    literal.number = decimal_number(without_underscores(text.substr(0, end)));
  } else {
    read_integer(text, literal);
  }
  return literal;
}

std::string unescaped(std::string_view text, int line) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '\\') {
      out += text[at++];
      continue;
    }
    escape(text, ++at, out, line);
  }
  return out;
}

}  // namespace mpq::text::jinja
