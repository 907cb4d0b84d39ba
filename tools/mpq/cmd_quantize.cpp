// mpq quantize
#include "app.h"
#include "mpq/core/units.h"
#include "mpq/pipeline/stages.h"
#include "table.h"

namespace mpq::cli {

void add_quantize(App& app) {
  CLI::App* command = add_command(
      app, "quantize", "Write the packed checkpoint of a plan",
      [&app] { return quantize(app.flags.common, app.quantize); },
      [](const Json& result) {
        fmt::print("{}: {}, {:.4f} bits a weight, {} of weight files{}\n",
                   result["out"].get<std::string>(), result["format"].get<std::string>(),
                   result["effective_bits"].get<double>(), format_bytes(result["file_bytes"]),
                   result.value("skipped", false) ? " (nothing changed)" : "");
        if (result.contains("dry_run")) print_estimate(result);
      });
  command->add_option("--plan", app.quantize.plan, "plan.json of `mpq allocate`")
      ->capture_default_str();
  command->add_option("--out", app.quantize.out, "checkpoint folder")->capture_default_str();
  command->add_option("--format", app.quantize.format,
                      "format, see `mpq list`; default: the plan's");
}

}  // namespace mpq::cli
