// mpq eval
#include "app.h"
#include "mpq/pipeline/stages.h"
#include "table.h"

namespace mpq::cli {
namespace {

void show_measures(const Json& result) {
  if (result.contains("dry_run")) {
    fmt::print("{}\n", json_text(result, 2));
    return;
  }
  std::vector<std::vector<std::string>> rows{{"measure", "value"}};
  for (const auto& [name, value] : result["result"].items()) {
    if (value.is_object() && value.contains("mean")) {
      rows.push_back({name, with_error(value, 6)});
    } else if (value.is_object()) {
      for (const auto& [inner, figure] : value.items()) {
        const Json error = value.value(inner + "_stderr", Json());
        const bool is_error = inner.find("_stderr") != std::string::npos;
        if (is_error) continue;
        const Json whole = figure.is_object() ? figure : Json{{"mean", figure}, {"stderr", error}};
        rows.push_back({name + " " + inner, with_error(whole, 6)});
      }
    } else if (value.is_number()) {
      rows.push_back({name, number(value, 6)});
    }
  }
  print_table(rows);
}

}  // namespace

void add_eval(App& app) {
  CLI::App* command = add_command(
      app, "eval", "Measure a checkpoint on a task and on text, alone or against a reference",
      [&app] { return evaluate_checkpoint(app.flags.common, app.eval); }, show_measures);
  add_model_option(command, app.eval.model);
  command->add_option("--reference", app.eval.reference,
                      "checkpoint that divergences are measured to");
  add_task_options(command, app.eval.task, app.eval.fields);
  command->add_option("--text", app.eval.text, "text files");
  add_score_on_option(command, app.eval.score_on);
  command->add_option("--out", app.eval.out, "write the figures as JSON");
  add_eval_options(command, app.eval);
}

}  // namespace mpq::cli
