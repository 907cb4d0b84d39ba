// mpq calibrate
#include "app.h"
#include "mpq/pipeline/stages.h"

namespace mpq::cli {
namespace {

std::string dry_run_note(const Json& result) {
  return fmt::format(" (dry run: about {:.0f} s, {:.1f} GB)", result["seconds"].get<double>(),
                     result["peak_bytes"].get<double>() / 1e9);
}

}  // namespace

void add_calibrate(App& app) {
  CLI::App* command = add_command(
      app, "calibrate", "Gather statistics of the task's hidden states",
      [&app] { return calibrate(app.flags.common, app.calibrate); },
      [&app](const Json& result) {
        fmt::print("{}: {} blocks, {} prompts ({} tokens), {} held out, {} windows of text{}\n",
                   app.flags.common.work, result["blocks"].get<int>(), result["prompts"].get<int>(),
                   result["prompt_tokens"].get<int>(), result["held_out_prompts"].get<int>(),
                   result["text_windows"].get<int>(),
                   result.contains("skipped")   ? " (nothing changed)"
                   : result.contains("dry_run") ? dry_run_note(result)
                                                : "");
      });
  add_calibrate_options(command, app.calibrate);
}

}  // namespace mpq::cli
