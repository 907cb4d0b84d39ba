// mpq run
#include "app.h"
#include "mpq/pipeline/stages.h"
#include "table.h"

namespace mpq::cli {
namespace {

void show(const Json& result) {
  if (!result.contains("comparison")) {
    fmt::print("{}\n", result.dump(2));
    return;
  }
  std::vector<std::vector<std::string>> rows{
      {"checkpoint", "bytes", "bits", "EM", "F1", "task KL", "text KL", "perplexity"}};
  for (const auto& row : result["comparison"]["rows"]) {
    const Json& measured = row["result"];
    const auto kl = [&](const char* set) {
      return measured.contains(set) ? with_error(measured[set]["kl"], 3) : std::string("-");
    };
    rows.push_back({row["name"], row["bytes"].dump(), number(row["effective_bits"], 5),
                    with_error(measured.value("exact_match", Json()), 3),
                    with_error(measured.value("f1", Json()), 3), kl("task_divergence"),
                    kl("text_divergence"), with_error(measured.value("perplexity", Json()), 4)});
  }
  print_table(rows);
}

}  // namespace

void add_run(App& app) {
  CLI::App* command = add_command(
      app, "run", "Calibrate, score, allocate, quantize and evaluate in one go",
      [&app] {
        app.allocate.out = app.flags.common.work + "/plan.json";
        app.quantize.plan = app.allocate.out;
        app.quantize.format = app.score.format;
        return run_all(app.flags.common, app.calibrate, app.score, app.allocate, app.quantize,
                       app.eval);
      },
      show);
  add_calibrate_options(command, app.calibrate);
  add_score_options(command, app.score);
  add_allocate_options(command, app.allocate);
  command->add_option("--out", app.quantize.out, "checkpoint folder")->capture_default_str();
  command->add_option("--eval-task", app.eval.task,
                      "task files for the table; default: held-out prompts");
  command->add_option("--eval-text", app.eval.text,
                      "text files for the table; default: held-out text");
  add_eval_options(command, app.eval);
}

}  // namespace mpq::cli
