// mpq report
#include "app.h"
#include "comparison_table.h"
#include "mpq/pipeline/stages.h"

namespace mpq::cli {

void add_report(App& app) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* command = add_command(
      app, "report", "Compare full precision, the best uniform plan and the plan on one page",
      [&app, options] { return report(app.flags.common, *options, app.eval); }, show_comparison);
  command->add_option("--plan", options->plan, "plan that allocate wrote")->capture_default_str();
  command->add_option("--checkpoint", options->checkpoint,
                      "its checkpoint; default: the quantized blocks in the work folder");
  command->add_option("--out", options->out, "the page; report.json is written to the work folder")
      ->capture_default_str();
  add_comparison_options(command, app.eval);
  add_field_options(command, app.eval.fields);
}

}  // namespace mpq::cli
