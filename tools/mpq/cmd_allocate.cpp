// mpq allocate
#include "app.h"
#include "mpq/pipeline/stages.h"
#include "table.h"

namespace mpq::cli {
namespace {

/// How far the sum of single losses can be trusted.
void show_additivity(const Json& additivity) {
  const Json& ratio = additivity["ratio"];
  if (!ratio.is_object()) return;
  fmt::print("measured over predicted loss: {} ({} to {} over {} plans)",
             number(ratio["median"], 3), number(ratio["min"], 3), number(ratio["max"], 3),
             additivity["plans"].dump());
  if (additivity["rank_correlation"].is_number())
    fmt::print(", rank correlation {}", number(additivity["rank_correlation"], 3));
  fmt::print("\n");
}

void show_plans(const Json& result) {
  if (result.contains("dry_run")) {
    fmt::print("{}\n", json_text(result, 2));
    return;
  }
  std::vector<std::vector<std::string>> rows{{"plan", "bits", "bytes", "predicted loss", "gap",
                                              "KL", "uniform", "its bytes", "its KL", "kept"}};
  for (const auto& plan : result["plans"]) {
    const Json& achieved = plan["achieved"];
    const Json verified = plan.value("verified", Json::object());
    const Json ours = verified.value("plan", Json::object());
    const Json uniform = verified.value("uniform", Json::object());
    rows.push_back({plan["plan"], number(achieved["effective_bits"], 5), achieved["bytes"].dump(),
                    number(plan["objective"]["predicted_loss"]),
                    number(plan["objective"]["gap"], 2), number(ours.value("kl", Json())),
                    uniform.value("spec", "-"), uniform.value("bytes", Json()).dump(),
                    number(uniform.value("kl", Json())), verified.value("kept", "-")});
  }
  print_table(rows);
  show_additivity(result["additivity"]);
}

}  // namespace

void add_allocate(App& app) {
  CLI::App* command = add_command(
      app, "allocate", "Choose each unit's width within a budget and verify the choice",
      [&app] { return allocate(app.flags.common, app.score, app.allocate); }, show_plans);
  add_score_options(command, app.score);
  add_allocate_options(command, app.allocate);
  command
      ->add_option("--out", app.allocate.out,
                   "plan file; several budgets add their value to the name")
      ->capture_default_str();
}

}  // namespace mpq::cli
