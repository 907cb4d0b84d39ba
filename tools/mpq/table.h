#pragma once
// Aligned tables on stdout.
#include <string>
#include <vector>

#include "mpq/core/json_file.h"

namespace mpq::cli {

/// The first row is the header; the first column is left-aligned, the others right.
void print_table(const std::vector<std::vector<std::string>>& rows);
/// "0.0123 +- 0.0004" of {"mean", "stderr"}; "-" when absent, "0.0123 +- -" when its error is not
/// known.
std::string with_error(const Json& figure, int digits = 4);
/// A number with so many significant digits, or "-".
std::string number(const Json& value, int digits = 4);

}  // namespace mpq::cli
