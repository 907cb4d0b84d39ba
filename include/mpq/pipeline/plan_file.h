#pragma once
// plan.json: which spec each unit gets, why, and what was verified (cli.md).
#include <string>
#include <vector>

#include "mpq/core/json_file.h"
#include "mpq/pipeline/quantize_walk.h"

namespace mpq {

struct PlanUnit {
  std::string name;
  std::vector<std::string> modules;
  std::string spec;
  int64_t bytes = 0;
  double loss = 0;
};

struct Plan {
  Json header;  // everything but "units", in the order of cli.md
  std::vector<PlanUnit> units;
};

Json to_json(const Plan& plan);
/// Throws Error(Format) naming `where` and the member when it is not a plan.
Plan plan_from_json(const Json& json, const std::string& where);
Plan read_plan(const std::string& path);
/// Bytes of the plan's units that are linears of blocks: what bits a weight count.
int64_t linear_bytes(const Plan& plan, const Model& model);
/// Key of the calibration that a plan names; empty for one written by hand.
std::string calibration_of(const Plan& plan, const std::string& where);
/// Matches a plan's units with the model's linears by module name; a linear that no unit names
/// stays at full precision. Throws Error(Format) when a module is unknown or named twice, or a
/// unit's modules do not share an input; Error(Usage) on an invalid spec.
std::vector<UnitChoice> resolve_plan(const Plan& plan, const Model& model);

}  // namespace mpq
