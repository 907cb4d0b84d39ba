#pragma once
// Digits of numbers, for both ways of formatting.
#include <cstdint>
#include <string>

namespace mpq::text::jinja {

/// `type`: b, o, x, X, or anything for decimal.
std::string digits_of(uint64_t value, char type);
/// printf's e, E, f, F, g and G.
std::string printf_number(double value, char type, int64_t precision, bool alternate);

}  // namespace mpq::text::jinja
