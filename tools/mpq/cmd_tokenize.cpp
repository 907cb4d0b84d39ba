// mpq tokenize
#include "app.h"
#include "mpq/pipeline/inspect.h"
#include "shown_input.h"

namespace mpq::cli {
namespace {

struct TokenizeOptions {
  bool show = false;
  double holdout = PromptOptions().holdout;
  int64_t max_tokens = PromptOptions().max_tokens;
};

}  // namespace

void add_tokenize(App& app) {
  auto options = std::make_shared<TokenizeOptions>();
  CLI::App* command = add_command(
      app, "tokenize", "Print token ids: one JSON array a prompt, or a whole text",
      [&app, options] {
        if (!options->show) return Json(tokenize_input(app.eval));
        app.eval.max_tokens = options->max_tokens;
        return show_input(app.eval, options->holdout);
      },
      [options](const Json& result) {
        if (options->show) return print_shown_input(result);
        for (const auto& ids : result) fmt::print("{}\n", ids.dump());
      });
  add_model_option(command, app.eval.model);
  add_task_options(command, app.eval.task, app.eval.fields);
  command->add_option("--text", app.eval.text, "text files; without --task whole documents");
  command->add_flag("--show", options->show,
                    "what the model will read instead of ids: chats in their template, special "
                    "tokens as they are written");
  command
      ->add_option("--holdout", options->holdout,
                   "share of the task that --show marks as held out, as calibrate does")
      ->capture_default_str();
  command
      ->add_option("--max-tokens", options->max_tokens,
                   "tokens of a prompt that --show cuts to, as calibrate does")
      ->capture_default_str();
  add_score_on_option(command, app.eval.score_on);
  add_eval_options(command, app.eval);
}

}  // namespace mpq::cli
