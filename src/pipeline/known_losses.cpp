// Looks through the work folder's scores.
#include "mpq/pipeline/known_losses.h"

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "mpq/pipeline/sensitivity.h"
#include "mpq/score/loss_table.h"

namespace mpq {

KnownLosses known_losses(const Session& session, const std::string& way) {
  namespace fs = std::filesystem;
  KnownLosses known;
  const std::string folder = session.work.file("scores");
  if (!fs::exists(folder)) return known;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string path = entry.path().string();
    if (entry.path().extension() != ".json") continue;
    const Json file = read_json_file(path);
    if (json_get_or<std::string>(file, "way", "", path) != way) continue;
    known.unit = json_get<std::string>(file, "unit", path);
    for (const auto& unit : problem_of(file, path).units) {
      for (const auto& candidate : unit.candidates)
        known.losses[{unit.name, candidate.spec}] = {candidate.loss, candidate.loss_stderr};
    }
  }
  return known;
}

ScoreContext without_known(const ScoreContext& context, const KnownLosses& known) {
  ScoreContext rest = context;
  for (auto& [unit, specs] : rest.units) {
    std::erase_if(specs, [&](const std::string& spec) {
      return spec != kFullPrecision && known.losses.contains({unit.name, spec});
    });
  }
  return rest;
}

ScoreTable with_known(const ScoreContext& context, const KnownLosses& known,
                      const ScoreContext& rest, const ScoreTable& measured) {
  ScoreTable table = empty_table(context, known.unit);
  table.details = measured.details;
  for (size_t u = 0; u < context.units.size(); ++u) {
    const auto& [unit, specs] = context.units[u];
    const auto& left = rest.units[u].candidates;
    for (size_t c = 0; c < specs.size(); ++c) {
      const auto found = std::find(left.begin(), left.end(), specs[c]);
      if (found != left.end()) {
        const auto at = static_cast<size_t>(found - left.begin());
        table.loss[u][c] = measured.loss[u][at];
        table.loss_stderr[u][c] = measured.loss_stderr[u][at];
      } else {
        std::tie(table.loss[u][c], table.loss_stderr[u][c]) =
            known.losses.at({unit.name, specs[c]});
      }
    }
  }
  rank_by_loss(context, table);
  return table;
}

}  // namespace mpq
