// mpq list
#include "app.h"
#include "mpq/pipeline/inspect.h"

namespace mpq::cli {
namespace {

void show_plugins(const Json& result) {
  for (const auto& [kind, plugins] : result.items()) {
    fmt::print("{}\n", kind);
    for (const auto& plugin : plugins) {
      fmt::print("  {:<20} {}\n", plugin["name"].get<std::string>(),
                 plugin["summary"].get<std::string>());
      for (const auto& option : plugin["options"]) {
        const auto value = option["default"].get<std::string>();
        fmt::print("    {:<18} {}{}\n", option["name"].get<std::string>(),
                   option["help"].get<std::string>(),
                   value.empty() ? "" : fmt::format(" [{}]", value));
      }
    }
  }
}

}  // namespace

void add_list(App& app) {
  add_command(
      app, "list", "List every scorer, allocator, quantizer, format, architecture and target",
      [] { return list_plugins(); }, show_plugins);
}

}  // namespace mpq::cli
