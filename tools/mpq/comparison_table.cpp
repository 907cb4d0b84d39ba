// Prints the comparison.
#include "comparison_table.h"

#include <fmt/format.h>

#include "table.h"

namespace mpq::cli {

void show_comparison(const Json& result) {
  if (!result.contains("comparison")) {
    fmt::print("{}\n", json_text(result, 2));
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
  fmt::print("report: {}\n", result["report"].get<std::string>());
}

}  // namespace mpq::cli
