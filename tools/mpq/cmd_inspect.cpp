// mpq inspect
#include "app.h"
#include "mpq/pipeline/inspect.h"
#include "table.h"

namespace mpq::cli {
namespace {

void show_folder(const Json& result) {
  for (const auto& [key, value] : result.items()) {
    if (key != "table")
      fmt::print("{}: {}\n", key, value.is_string() ? value.get<std::string>() : json_text(value));
  }
  if (!result.contains("table")) return;
  std::vector<std::vector<std::string>> rows;
  for (const auto& row : result["table"]) {
    rows.emplace_back();
    for (const auto& cell : row)
      rows.back().push_back(cell.is_string() ? cell.get<std::string>() : json_text(cell));
  }
  fmt::print("\n");
  print_table(rows);
}

}  // namespace

void add_inspect(App& app) {
  auto path = std::make_shared<std::string>();
  CLI::App* command = add_command(
      app, "inspect", "Say what a checkpoint or one of mpq's files holds",
      [path] { return inspect(*path); }, show_folder);
  command->add_option("path", *path, "checkpoint folder, GGUF, plan, sensitivity or report file")
      ->required();
}

}  // namespace mpq::cli
