#pragma once
// A plan's units as a grid of blocks and roles.
#include <string>
#include <vector>

#include "mpq/core/json_file.h"

namespace mpq {

struct UnitCell {
  int block = 0;
  size_t role = 0;  // index into UnitGrid::roles
  Json unit;        // of plan.json or sensitivity.json
};

struct UnitGrid {
  std::vector<std::string> roles;  // in order of first appearance: "qkv", "o", ...
  int blocks = 0;
  std::vector<UnitCell> cells;
};

/// `units`: a list of objects with "name" and "modules".
UnitGrid unit_grid(const Json& units);

}  // namespace mpq
