// A heat map of code widths.
#include <fmt/format.h>

#include <algorithm>

#include "html.h"
#include "mpq/pipeline/candidates.h"
#include "sections.h"
#include "svg.h"
#include "units.h"

namespace mpq {
namespace {

constexpr double kLabel = 46;
constexpr double kRow = 17;

}  // namespace

std::string bits_section(const ReportFacts& facts) {
  const UnitGrid grid = unit_grid(facts.plan.at("units"));
  const double column =
      (420 - kLabel) / static_cast<double>(std::max<size_t>(1, grid.roles.size()));
  Drawing drawing(420, 18 + kRow * grid.blocks, "Bits by block and role");
  for (size_t role = 0; role < grid.roles.size(); ++role) {
    drawing.text(kLabel + (static_cast<double>(role) + 0.5) * column, 11, grid.roles[role],
                 "middle");
  }
  for (int block = 0; block < grid.blocks; ++block)
    drawing.text(kLabel - 6, 18 + kRow * block + 12, fmt::format("block {}", block), "end");
  for (const auto& [block, role, unit] : grid.cells) {
    const std::string spec = unit.at("spec");
    const double bits = mean_code_bits(make_method(spec).encoding);
    // 2 bits are pale, 8 and more are full.
    const double opacity = std::clamp(0.12 + 0.14 * (bits - 2), 0.08, 1.0);
    const double x = kLabel + static_cast<double>(role) * column;
    const double y = 18 + kRow * block;
    drawing.rectangle(x + 1, y + 1, column - 2, kRow - 2, "fill ours", opacity,
                      fmt::format("{}: {}", unit.at("name").get<std::string>(), spec));
    drawing.text(x + column / 2, y + 12, fmt::format("{:.3g}", bits), "middle",
                 opacity > 0.55 ? "onfill" : "");
  }
  return html::section("Bits by block and role",
                       "<figure id=\"bits\">\n" + drawing.close() +
                           "<figcaption>Width of the codes; 16 is left "
                           "at full precision.</figcaption>\n</figure>\n");
}

}  // namespace mpq
