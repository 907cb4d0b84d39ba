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
/// What a dry run found: "about 3 min 05 s, 1.20 GiB of memory; nothing was written".
void print_estimate(const Json& result);
/// A number with so many significant digits, or "-".
std::string number(const Json& value, int digits = 4);

}  // namespace mpq::cli
