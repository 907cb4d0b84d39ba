// Reads, writes and resolves plans.
#include "mpq/pipeline/plan_file.h"

#include <algorithm>
#include <map>
#include <set>

#include "mpq/core/error.h"
#include "mpq/core/suggest.h"
#include "mpq/pipeline/candidates.h"

namespace mpq {
namespace {

/// What commands read of it, where it is there.
void check_plan_header(const Json& header, const std::string& where) {
  const auto share = json_get_or<double>(header, "text_share", 0.0, where);
  require(share >= 0 && share <= 1, ErrorCode::Format,
          "{}: \"text_share\": expected 0 to 1, found {}", where, share);
  for (const char* key : {"budget", "achieved"}) {
    const auto member = json_get_or<Json>(header, key, Json::object(), where);
    require(member.is_object(), ErrorCode::Format, "{}: \"{}\" is {}, expected an object", where,
            key, member.type_name());
  }
}

}  // namespace

Json to_json(const Plan& plan) {
  Json json = plan.header;
  json["units"] = Json::array();
  for (const auto& unit : plan.units) {
    json["units"].push_back({{"name", unit.name},
                             {"modules", unit.modules},
                             {"spec", unit.spec},
                             {"bytes", unit.bytes},
                             {"loss", unit.loss}});
  }
  return json;
}

Plan plan_from_json(const Json& json, const std::string& where) {
  Plan plan{json, {}};
  const auto schema = json_get<std::string>(json, "schema", where);
  require(schema == "mpq-plan/1", ErrorCode::Format, "{}: schema is \"{}\", expected mpq-plan/1",
          where, schema);
  check_plan_header(json, where);
  size_t index = 0;
  const auto units = json_get<Json>(json, "units", where);
  require(units.is_array(), ErrorCode::Format, "{}: \"units\" is not a list", where);
  for (const auto& entry : units) {
    const std::string place = fmt::format("{}: unit {}", where, index++);
    plan.units.push_back({json_get<std::string>(entry, "name", place),
                          json_get<std::vector<std::string>>(entry, "modules", place),
                          json_get<std::string>(entry, "spec", place),
                          json_get_or<int64_t>(entry, "bytes", 0, place),
                          json_get_or<double>(entry, "loss", 0.0, place)});
  }
  plan.header.erase("units");
  return plan;
}

Plan read_plan(const std::string& path) { return plan_from_json(read_json_file(path), path); }

std::string calibration_of(const Plan& plan, const std::string& where) {
  const auto made_from = json_get_or<Json>(plan.header, "made_from", Json::object(), where);
  return json_get_or<std::string>(made_from, "calibration", "", where);
}

int64_t linear_bytes(const Plan& plan, const Model& model) {
  const auto element = static_cast<int64_t>(at::elementSize(model.stored_dtype()));
  const auto ends = model.end_units();
  std::set<std::string> named;
  for (const auto& unit : plan.units) named.insert(unit.modules.begin(), unit.modules.end());
  int64_t bytes = 0;
  for (int64_t block = 0; block < model.config().layers; ++block) {
    for (const auto& linear : model.config().block(block).linears) {
      if (named.count(model.config().module_name(block, linear)) == 0)
        bytes += linear.out * linear.in * element;
    }
  }
  for (const auto& unit : plan.units) {
    const bool is_end = std::any_of(ends.begin(), ends.end(), [&](const Unit& end) {
      return unit.modules == std::vector{end.module};
    });
    if (!is_end) bytes += unit.bytes;
  }
  return bytes;
}

namespace {

/// Whether the unit can be stored so.
void check_spec(const PlanUnit& entry, const Unit& unit) {
  try {
    pieces_of(make_method(entry.spec).encoding, unit.in, entry.name);
  } catch (const Error& error) {
    fail(error.code(), "plan: unit {}: {}", entry.name, error.what());
  }
}

}  // namespace

std::vector<UnitChoice> resolve_plan(const Plan& plan, const Model& model) {
  const ModelConfig& config = model.config();
  std::map<std::string, std::pair<int64_t, size_t>> places;
  std::vector<std::string> modules;
  for (int64_t block = 0; block < config.layers; ++block) {
    const auto& linears = config.block(block).linears;
    for (size_t i = 0; i < linears.size(); ++i) {
      modules.push_back(config.module_name(block, linears[i]));
      places[modules.back()] = {block, i};
    }
  }
  std::map<std::string, Unit> ends;
  for (auto& end : model.end_units()) {
    modules.push_back(end.module);
    ends.emplace(end.module, end);
  }
  std::set<std::string> named;
  std::vector<UnitChoice> choices;
  for (const auto& entry : plan.units) {
    require(!entry.modules.empty(), ErrorCode::Format, "plan: unit {} names no modules",
            entry.name);
    UnitChoice choice{{}, entry.spec};
    choice.unit.name = entry.name;
    const auto end = ends.find(entry.modules.front());
    if (end != ends.end()) {
      require(entry.modules.size() == 1 && named.insert(end->first).second, ErrorCode::Format,
              "plan: unit {}: \"{}\" stands alone, and once", entry.name, end->first);
      choice.unit = end->second;
      check_spec(entry, choice.unit);
      choices.push_back(std::move(choice));
      continue;
    }
    for (const auto& module : entry.modules) {
      const auto found = places.find(module);
      require(found != places.end(), ErrorCode::Format,
              "plan: unit {}: the model has no linear \"{}\"{}", entry.name, module,
              found == places.end() ? suggestion(module, modules) : "");
      require(named.insert(module).second, ErrorCode::Format, "plan: \"{}\" is named twice",
              module);
      const auto& [block, index] = found->second;
      const auto& linear = config.block(block).linears[index];
      if (choice.unit.linears.empty()) {
        choice.unit.block = block;
        choice.unit.stage = linear.stage;
        choice.unit.in = linear.in;
      }
      require(choice.unit.block == block && choice.unit.stage == linear.stage &&
                  choice.unit.in == linear.in,
              ErrorCode::Format,
              "plan: unit {}: \"{}\" does not share its input with the modules before it",
              entry.name, module);
      choice.unit.linears.push_back(index);
      choice.unit.out += linear.out;
    }
    check_spec(entry, choice.unit);
    choices.push_back(std::move(choice));
  }
  return choices;
}

}  // namespace mpq
