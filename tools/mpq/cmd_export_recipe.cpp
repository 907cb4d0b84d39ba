// mpq export-recipe
#include "app.h"
#include "mpq/core/units.h"
#include "mpq/pipeline/stages.h"

namespace mpq::cli {
namespace {

void show_recipe(const Json& result) {
  fmt::print("{}: {} tensors, {} of them{}\n", result["out"].get<std::string>(),
             result["tensors"].get<int64_t>(), format_bytes(result["bytes"]),
             result.contains("skipped")   ? " (nothing changed)"
             : result.contains("dry_run") ? " (dry run)"
                                          : "");
  for (const auto& [type, count] : result["types"].items())
    fmt::print("  {} {}\n", count.get<int64_t>(), type);
  if (result.contains("dry_run"))
    fmt::print("about {}, {} of memory\n", format_seconds(result["seconds"]),
               format_bytes(result["peak_bytes"]));
  for (const char* command : {"convert", "quantize"})
    fmt::print("{}\n", shell_command(result[command].get<std::vector<std::string>>()));
}

}  // namespace

void add_export_recipe(App& app) {
  auto options = std::make_shared<RecipeOptions>();
  CLI::App* command = add_command(
      app, "export-recipe",
      "Write a plan as llama-quantize takes it: the tensors' types and an importance matrix",
      [&app, options] { return export_recipe(app.flags.common, *options); }, show_recipe);
  command->add_option("--plan", options->plan, "plan.json of `mpq allocate`, of any format")
      ->capture_default_str();
  command->add_option("--out", options->out, "folder for tensor-types.txt and imatrix.gguf")
      ->capture_default_str();
}

}  // namespace mpq::cli
