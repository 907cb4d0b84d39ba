// Prints tables and figures.
#include "table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "mpq/core/units.h"

namespace mpq::cli {

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (size_t i = 0; i < rows[r].size(); ++i) {
      line += i == 0 ? fmt::format("{:<{}}", rows[r][i], widths[i])
                     : fmt::format("  {:>{}}", rows[r][i], widths[i]);
    }
    fmt::print("{}\n", line);
    if (r == 0) fmt::print("{}\n", std::string(line.size(), '-'));
  }
}

std::string with_error(const Json& figure, int digits) {
  if (!figure.is_object() || !figure.contains("mean")) return "-";
  return fmt::format("{} +- {}", number(figure["mean"], digits),
                     number(figure.value("stderr", Json()), 2));
}

void print_estimate(const Json& result) {
  fmt::print("about {}, {} of memory; nothing was written\n", format_seconds(result["seconds"]),
             format_bytes(result["peak_bytes"]));
}

std::string number(const Json& value, int digits) {
  return value.is_number() && !std::isnan(value.get<double>())
             ? fmt::format("{:.{}g}", value.get<double>(), digits)
             : "-";
}

}  // namespace mpq::cli
