// Finds block and role in the names of units.
#include "units.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace mpq {
namespace {

bool is_number(const std::string& text) {
  return !text.empty() && text.size() < 7 &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

std::vector<std::string> fields_of(const std::string& name) {
  std::vector<std::string> fields{""};
  for (const char c : name) {
    if (c == '.') {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

}  // namespace

UnitGrid unit_grid(const Json& units) {
  UnitGrid grid;
  for (const auto& unit : units) {
    const auto fields = fields_of(unit.at("name").get<std::string>());
    const auto number = std::find_if(fields.begin(), fields.end(), is_number);
    const int block = number == fields.end() ? 0 : std::atoi(number->c_str());
    const std::string& role = fields.back();
    auto found = std::find(grid.roles.begin(), grid.roles.end(), role);
    if (found == grid.roles.end()) found = grid.roles.insert(found, role);
    grid.cells.push_back({block, static_cast<size_t>(found - grid.roles.begin()), unit});
    grid.blocks = std::max(grid.blocks, block + 1);
  }
  return grid;
}

}  // namespace mpq
