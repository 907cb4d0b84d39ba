// sensitivity.json: written and read.
#include "mpq/pipeline/sensitivity.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "mpq/core/error.h"
#include "mpq/eval/evaluate.h"

namespace mpq {
namespace {

Json units_json(const Session& session, const ScoreContext& context, const ScoreTable& table,
                const Format& format) {
  const auto& config = session.model->config();
  Json units = Json::array();
  for (size_t u = 0; u < context.units.size(); ++u) {
    const auto& [unit, specs] = context.units[u];
    Json candidates = Json::array();
    for (size_t c = 0; c < specs.size(); ++c) {
      const auto dtype = session.model->stored_dtype();
      const Encoding encoding = encoding_of(specs[c], dtype);
      const double error = table.loss_stderr[u][c];  // not known of one sequence
      candidates.push_back({{"spec", specs[c]},
                            {"bits", encoding.bits},
                            {"bytes", unit_bytes(config, unit, encoding, format, dtype)},
                            {"code_bytes", code_bytes(encoding, unit.out, unit.in)},
                            {"loss", table.loss[u][c]},
                            {"stderr", error_json(error)}});
    }
    units.push_back({{"name", unit.name},
                     {"block", unit.block},
                     {"modules", unit_modules(config, unit)},
                     {"weights", unit.weights()},
                     {"score", table.score[u]},
                     {"candidates", candidates}});
  }
  return units;
}

Json pairs_json(const ScoreContext& context, const ScoreTable& table) {
  Json pairs = Json::array();
  for (const auto& pair : table.pairs) {
    pairs.push_back(
        {{"units", {context.units[pair.first].unit.name, context.units[pair.second].unit.name}},
         {"interaction", pair.interaction}});
  }
  return pairs;
}

void read_pairs(const Json& file, const std::string& where, AllocationProblem& problem) {
  std::map<std::string, size_t> index;
  for (size_t u = 0; u < problem.units.size(); ++u) index[problem.units[u].name] = u;
  std::set<std::pair<size_t, size_t>> known;
  for (const auto& json : json_get_or<Json>(file, "pairs", Json::array(), where)) {
    const auto names = json_get<std::vector<std::string>>(json, "units", where);
    require(names.size() == 2 && index.count(names[0]) != 0 && index.count(names[1]) != 0,
            ErrorCode::Format, "{}: a pair does not name two of its units", where);
    AllocationPair pair{index[names[0]], index[names[1]],
                        json_get<std::vector<std::vector<double>>>(json, "interaction", where)};
    const size_t columns = problem.units[pair.second].candidates.size();
    bool fits = pair.interaction.size() == problem.units[pair.first].candidates.size() &&
                problem.units[pair.first].block == problem.units[pair.second].block;
    for (const auto& row : pair.interaction) fits = fits && row.size() == columns;
    require(fits, ErrorCode::Format, "{}: the pair {}, {} does not fit its units' candidates",
            where, names[0], names[1]);
    require(pair.first != pair.second && known.insert(std::minmax(pair.first, pair.second)).second,
            ErrorCode::Format, "{}: the pair {}, {} is there twice or of one unit", where, names[0],
            names[1]);
    problem.pairs.push_back(std::move(pair));
  }
}

/// What the file says of all its losses.
void check_scores_header(const Json& file, const std::string& where) {
  json_get<std::string>(file, "unit", where);
  json_get<std::string>(file, "scorer", where);
  const auto share = json_get<double>(file, "text_share", where);
  require(share >= 0 && share <= 1, ErrorCode::Format,
          "{}: \"text_share\": expected 0 to 1, found {}", where, share);
}

/// A standard error of null in the file.
constexpr double kUnknown = std::numeric_limits<double>::infinity();

}  // namespace

AllocationProblem problem_of(const Json& file, const std::string& where) {
  AllocationProblem problem;
  for (const auto& unit : json_get<Json>(file, "units", where)) {
    AllocationUnit entry{json_get<std::string>(unit, "name", where),
                         json_get<int>(unit, "block", where),
                         json_get<int64_t>(unit, "weights", where),
                         json_get<double>(unit, "score", where),
                         {}};
    for (const auto& candidate : json_get<Json>(unit, "candidates", where)) {
      entry.candidates.push_back(
          {json_get<std::string>(candidate, "spec", where), json_get<int>(candidate, "bits", where),
           json_get<int64_t>(candidate, "bytes", where), json_get<double>(candidate, "loss", where),
           json_get_or<double>(candidate, "stderr", kUnknown, where),
           json_get<int64_t>(candidate, "code_bytes", where)});
    }
    problem.units.push_back(std::move(entry));
  }
  read_pairs(file, where, problem);
  return problem;
}

std::string score_file(const std::string& key) { return "scores/" + key + ".json"; }

Json sensitivity_json(const Session& session, const ScoreOptions& options,
                      const std::string& scorer, const ScoreContext& context,
                      const ScoreTable& table) {
  const auto format = Registry<Format>::instance().make(options.format);
  const bool measured = table.loss_unit == "nats/token" || parse_spec(scorer).name == "mse";
  return {{"schema", "mpq-sensitivity/1"},
          {"model", session.calibration.at("model")},
          {"task", session.calibration.at("task")},
          {"scorer", scorer},
          {"kind", measured ? "loss" : "rank"},
          {"unit", table.loss_unit},
          {"text_share", options.text_share},
          {"details", table.details},
          {"units", units_json(session, context, table, *format)},
          {"pairs", pairs_json(context, table)}};
}

Sensitivity sensitivity_of(Json file, const ScoreContext& context, const std::string& key,
                           const std::string& path) {
  check_scores_header(file, path);
  Sensitivity result{context.units, problem_of(file, path), {}, key, path};
  const auto& units = result.problem.units;
  bool fits = units.size() == result.units.size();
  for (size_t u = 0; fits && u < units.size(); ++u) {
    fits = units[u].name == result.units[u].unit.name && !units[u].candidates.empty();
    result.units[u].candidates.clear();
    for (const auto& candidate : units[u].candidates)
      result.units[u].candidates.push_back(candidate.spec);
  }
  require(fits, ErrorCode::Format, "{}: its units are not the model's; delete the file", path);
  file.erase("units");
  file.erase("pairs");
  result.header = std::move(file);
  return result;
}

}  // namespace mpq
