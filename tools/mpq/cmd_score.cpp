// mpq score
#include "app.h"
#include "mpq/pipeline/stages.h"
#include "table.h"

namespace mpq::cli {
namespace {

void show_scores(const Json& result) {
  if (result.contains("dry_run")) {
    fmt::print("{}\n", json_text(result, 2));
    return;
  }
  std::vector<std::vector<std::string>> rows{{"unit", "score"}};
  for (const auto& unit : result["units"]) {
    if (rows.size() == 1) {
      for (const auto& [spec, loss] : unit["losses"].items()) rows.front().push_back(spec);
    }
    rows.push_back({unit["name"], number(unit["score"])});
    for (const auto& [spec, loss] : unit["losses"].items()) rows.back().push_back(number(loss, 3));
  }
  print_table(rows);
  fmt::print("\n{}\n", result["path"].get<std::string>());
}

}  // namespace

void add_score(App& app) {
  CLI::App* command = add_command(
      app, "score", "Measure what every candidate of every unit costs the task",
      [&app] { return score(app.flags.common, app.score); }, show_scores);
  add_score_options(command, app.score);
}

}  // namespace mpq::cli
