// Where the bytes of the checkpoint went.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "html.h"
#include "mpq/core/units.h"
#include "sections.h"
#include "svg.h"
#include "units.h"

namespace mpq {

std::string bytes_section(const ReportFacts& facts) {
  const UnitGrid grid = unit_grid(facts.plan.at("units"));
  std::vector<std::pair<std::string, int64_t>> parts;
  for (const auto& role : grid.roles) parts.emplace_back(role, 0);
  int64_t quantized = 0;
  for (const auto& [block, role, unit] : grid.cells) {
    const int64_t bytes = unit.at("bytes");
    parts[role].second += bytes;
    quantized += bytes;
  }
  const int64_t all = facts.plan.at("achieved").value("file_bytes", quantized);
  if (all > quantized) parts.emplace_back("embedding, head, norms", all - quantized);
  int64_t most = 1;
  for (const auto& [name, bytes] : parts) most = std::max(most, bytes);
  constexpr double kRow = 20;
  constexpr double kLabel = 146;
  constexpr double kLongest = 160;
  Drawing drawing(420, kRow * static_cast<double>(parts.size()) + 4, "Bytes by role");
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto& [name, bytes] = parts[i];
    const double y = kRow * static_cast<double>(i);
    const double share = static_cast<double>(bytes) / static_cast<double>(most);
    drawing.text(kLabel - 6, y + 14, name, "end");
    drawing.rectangle(kLabel, y + 3, std::max(1.0, kLongest * share), kRow - 6,
                      i < grid.roles.size() ? "fill ours" : "fill rest");
    drawing.text(kLabel + std::max(1.0, kLongest * share) + 5, y + 14,
                 fmt::format("{} ({:.0f} %)", format_bytes(bytes),
                             100.0 * static_cast<double>(bytes) / static_cast<double>(all)));
  }
  return html::section("Where the bytes went",
                       "<figure id=\"bytes\">\n" + drawing.close() + "</figure>\n");
}

}  // namespace mpq
