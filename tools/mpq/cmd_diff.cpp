// mpq diff
#include "app.h"
#include "mpq/pipeline/stages.h"
#include "table.h"

namespace mpq::cli {
namespace {

void show_metrics(const Json& result) {
  std::vector<std::vector<std::string>> rows{{"what", "first", "second", "change", "stderr", "p"}};
  rows.push_back({"weight file bytes", number(result["bytes"]["first"], 12),
                  number(result["bytes"]["second"], 12), "", "", ""});
  for (const auto& [name, metric] : result["metrics"].items()) {
    rows.push_back({name, number(metric["first"], 6), number(metric["second"], 6),
                    number(metric["change"], 4), number(metric["stderr"], 2),
                    number(metric.value("sign_test_p", Json()), 3)});
  }
  print_table(rows);
  if (!result["metrics"].empty() && !result["same_prompts"].get<bool>())
    fmt::print("not the same prompts: differences are not paired\n");
}

void show_bits(const Json& changes) {
  if (changes.empty()) return;
  std::vector<std::vector<std::string>> rows{{"bits of", "first", "second"}};
  for (const auto& change : changes)
    rows.push_back({change["module"], change["first"].dump(), change["second"].dump()});
  fmt::print("\n");
  print_table(rows);
}

void show_gates(const Json& gates) {
  if (gates.empty()) return;
  std::vector<std::vector<std::string>> rows{{"gate", "of", "limit", "found", "holds"}};
  for (const auto& gate : gates) {
    rows.push_back({gate["gate"], gate["what"], number(gate["limit"], 8), number(gate["found"], 8),
                    gate["holds"].get<bool>() ? "yes" : "NO"});
  }
  fmt::print("\n");
  print_table(rows);
}

}  // namespace

void add_diff(App& app) {
  auto options = std::make_shared<DiffOptions>();
  CLI::App* command = add_command(
      app, "diff", "What changed between two checkpoints or two reports; limits make it a gate",
      [&app, options] { return diff(app.flags.common, *options, app.eval); },
      [](const Json& result) {
        show_metrics(result);
        show_bits(result["changed_bits"]);
        show_gates(result["gates"]);
        if (result.contains("dry_run")) print_estimate(result);
      });
  command
      ->add_option("first", options->first,
                   "checkpoint folder, GGUF file, or a report of eval or run")
      ->required();
  command->add_option("second", options->second, "the same, of what shall replace the first")
      ->required();
  add_task_options(command, app.eval.task, app.eval.fields, " to measure both checkpoints on");
  command->add_option("--text", app.eval.text, "text files to measure both checkpoints on");
  command->add_option("--max-drop", options->gates.max_drop,
                      "percentage points of EM, F1 or accuracy that the second may lose");
  command->add_option("--max-kl", options->gates.max_kl,
                      "nats per token that the second's KL may exceed the first's by");
  command->add_option("--max-bytes", options->gates.max_bytes,
                      "size of the second's weight files, e.g. 4GiB");
  add_eval_options(command, app.eval);
}

}  // namespace mpq::cli
