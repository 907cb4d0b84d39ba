#pragma once
// Number and text literals.
#include <cstdint>
#include <string>
#include <string_view>

namespace mpq::text::jinja {

struct NumberLiteral {
  size_t length = 0;
  bool is_float = false;
  bool overflows = false;
  int64_t integer = 0;
  double number = 0;
};

/// 0 to 35 of a digit or letter; 99 of another character.
int digit_of(char c);
/// The number that `text` begins with (its first character is a digit).
NumberLiteral read_number(std::string_view text, bool may_be_float);
/// What a literal means, without its quotes. Throws a syntax error of the line.
std::string unescaped(std::string_view text, int line);

}  // namespace mpq::text::jinja
