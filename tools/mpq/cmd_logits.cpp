// mpq logits
#include "app.h"
#include "mpq/pipeline/inspect.h"
#include "table.h"

namespace mpq::cli {

void add_logits(App& app) {
  auto out = std::make_shared<std::string>();
  CLI::App* command = add_command(
      app, "logits", "Write the logits of prompts, for comparing with other implementations",
      [&app, out] { return write_logits(app.flags.common, app.eval, *out); },
      [](const Json& result) {
        fmt::print("{}: {} prompts\n", result["out"].get<std::string>(),
                   result["prompts"].get<int>());
        if (result.contains("dry_run")) print_estimate(result);
      });
  add_model_option(command, app.eval.model);
  add_task_options(command, app.eval.task, app.eval.fields);
  command->add_option("--text", app.eval.text, "text files, cut to windows");
  command->add_option("--out", *out, "safetensors file: prompt.N float32 [tokens, vocab]");
  add_eval_options(command, app.eval);
}

}  // namespace mpq::cli
