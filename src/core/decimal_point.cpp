// The thread's locale, changed for a moment.
#include "mpq/core/decimal_point.h"

#include <cstdlib>

namespace mpq {

DecimalPoint::DecimalPoint() {
  static const locale_t plain = ::newlocale(LC_ALL_MASK, "C", nullptr);
  before_ = ::uselocale(plain);
}

DecimalPoint::~DecimalPoint() { ::uselocale(before_); }

double decimal_number(const std::string& text) {
  const DecimalPoint plain;
  return std::strtod(text.c_str(), nullptr);
}

}  // namespace mpq
