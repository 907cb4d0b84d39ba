// Prints the comparison.
#include "comparison_table.h"

#include <fmt/format.h>

#include "table.h"

namespace mpq::cli {
namespace {

/// What `run --dry-run` found.
void show_estimate(const Json& result) {
  const Json& read = result["calibrate"];
  const Json& estimate = result["estimate"];
  fmt::print(
      "{} prompts ({} tokens), {} held out, {} windows of text; {} blocks, {} units, {} "
      "candidates, scored by {}\n",
      read["prompts"].dump(), read["prompt_tokens"].dump(), read["held_out_prompts"].dump(),
      read["text_windows"].dump(), read["blocks"].dump(), estimate["units"].dump(),
      estimate["candidates"].dump(), estimate["scorer"].get<std::string>());
  double total = 0;
  for (const auto& [stage, seconds] : estimate["seconds"].items()) {
    fmt::print("  {:<20} {:>8.0f} s\n", stage, seconds.get<double>());
    total += seconds.get<double>();
  }
  fmt::print("about {:.0f} min at {:.0f} GFLOP/s, {:.1f} GB of memory; nothing was written\n",
             total / 60, estimate["gflops"].get<double>(),
             estimate["peak_bytes"].get<double>() / 1e9);
}

}  // namespace

void show_comparison(const Json& result) {
  if (result.contains("estimate")) {
    show_estimate(result);
    return;
  }
  if (!result.contains("comparison")) {  // a dry run of report
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
