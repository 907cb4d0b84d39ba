// mpq calibrate
#include "app.h"
#include "mpq/pipeline/stages.h"
#include "table.h"

namespace mpq::cli {

void add_calibrate(App& app) {
  CLI::App* command = add_command(
      app, "calibrate", "Gather statistics of the task's hidden states",
      [&app] { return calibrate(app.flags.common, app.calibrate); },
      [&app](const Json& result) {
        fmt::print("{}: {} blocks, {} prompts ({} tokens), {} held out, {} windows of text{}\n",
                   app.flags.common.work, result["blocks"].get<int>(), result["prompts"].get<int>(),
                   result["prompt_tokens"].get<int>(), result["held_out_prompts"].get<int>(),
                   result["text_windows"].get<int>(),
                   result.contains("skipped") ? " (nothing changed)" : "");
        if (result.contains("dry_run")) print_estimate(result);
      });
  add_calibrate_options(command, app.calibrate);
}

}  // namespace mpq::cli
