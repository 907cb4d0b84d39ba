// mpq tokenize
#include "app.h"
#include "mpq/pipeline/inspect.h"

namespace mpq::cli {

void add_tokenize(App& app) {
  CLI::App* command = add_command(
      app, "tokenize", "Print token ids: one JSON array a prompt, or a whole text",
      [&app] { return Json(tokenize_input(app.eval)); },
      [](const Json& result) {
        for (const auto& ids : result) fmt::print("{}\n", ids.dump());
      });
  add_model_option(command, app.eval.model);
  command->add_option("--task", app.eval.task, "task files");
  command->add_option("--text", app.eval.text, "text files; without --task whole documents");
  add_eval_options(command, app.eval);
}

}  // namespace mpq::cli
