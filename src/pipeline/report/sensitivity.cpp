// How much each block loses, stacked by role.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "html.h"
#include "sections.h"
#include "svg.h"
#include "units.h"

namespace mpq {
namespace {

constexpr const char* kSwatches[] = {"s0", "s1", "s2", "s3", "s4", "s5", "s6"};

const char* swatch(size_t role) { return kSwatches[role % std::size(kSwatches)]; }

}  // namespace

std::string sensitivity_section(const ReportFacts& facts) {
  if (facts.sensitivity.is_null()) return "";
  const UnitGrid grid = unit_grid(facts.sensitivity.at("units"));
  std::vector<double> total(static_cast<size_t>(grid.blocks), 0);
  for (const auto& [block, role, unit] : grid.cells)
    total[static_cast<size_t>(block)] += std::max(0.0, unit.at("score").get<double>());
  const double most = total.empty() ? 0 : *std::max_element(total.begin(), total.end());
  if (most <= 0) return "";
  const Scale y{0, most, 170, 10, false};
  const double width = 368.0 / grid.blocks;
  Drawing drawing(420, 204, "Sensitivity by block");
  for (const double value : ticks(y, 4)) {
    drawing.line(48, y(value), 416, y(value), "grid");
    drawing.text(44, y(value) + 3, fmt::format("{:.2g}", value), "end");
  }
  std::vector<double> reached(total.size(), 0);
  for (const auto& [block, role, unit] : grid.cells) {
    const double score = std::max(0.0, unit.at("score").get<double>());
    double& base = reached[static_cast<size_t>(block)];
    drawing.rectangle(48 + width * block + 1, y(base + score), width - 2, y(base) - y(base + score),
                      std::string("fill ") + swatch(role), 1,
                      fmt::format("{}: {:.3g}", unit.at("name").get<std::string>(), score));
    base += score;
  }
  const int every = std::max(1, grid.blocks / 12);
  for (int block = 0; block < grid.blocks; block += every)
    drawing.text(48 + width * (block + 0.5), 184, fmt::format("{}", block), "middle");
  drawing.text(232, 199, "block", "middle");
  std::vector<std::pair<std::string, std::string>> key;
  for (size_t role = 0; role < grid.roles.size(); ++role)
    key.emplace_back(swatch(role), html::escape(grid.roles[role]));
  const std::string unit = facts.sensitivity.value("unit", "");
  return html::section(
      "Sensitivity by block",
      "<figure id=\"sensitivity\">\n" + drawing.close() + html::legend(key) +
          fmt::format(
              "<figcaption>What {} measured for each unit alone{}{}.</figcaption>\n</figure>\n",
              html::escape(facts.sensitivity.value("scorer", "the scorer")),
              unit.empty() ? "" : ", ", html::escape(unit)));
}

}  // namespace mpq
