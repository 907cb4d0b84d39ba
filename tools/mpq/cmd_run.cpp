// mpq run
#include "app.h"
#include "comparison_table.h"
#include "mpq/pipeline/stages.h"

namespace mpq::cli {
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
      show_comparison);
  add_calibrate_options(command, app.calibrate);
  add_score_options(command, app.score);
  add_allocate_options(command, app.allocate);
  command->add_option("--out", app.quantize.out, "checkpoint folder")->capture_default_str();
  add_comparison_options(command, app.eval);
}

}  // namespace mpq::cli
