#pragma once
// Numbers with a decimal point, whatever the locale of the program that mpq is part of.
#include <locale.h>

#include <string>

namespace mpq {

/// While it lives, C's functions read and print numbers of this thread as in the "C" locale.
class DecimalPoint {
 public:
  DecimalPoint();
  ~DecimalPoint();
  DecimalPoint(const DecimalPoint&) = delete;
  DecimalPoint& operator=(const DecimalPoint&) = delete;

 private:
  locale_t before_;
};

/// The number that the text begins with, as strtod() reads it: 0 where there is none.
double decimal_number(const std::string& text);

}  // namespace mpq
