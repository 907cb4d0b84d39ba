// Common options and the registration of subcommands.
#include "app.h"

#include <fmt/format.h>

#include <cstdio>

#include "results.h"

namespace mpq::cli {

CLI::App* add_command(App& app, const std::string& name, const std::string& description,
                      std::function<Json()> run, std::function<void(const Json&)> show) {
  CLI::App* command = app.cli.add_subcommand(name, description);
  Flags& flags = app.flags;
  command->add_option("--work", flags.common.work, "work folder shared by the stages")
      ->capture_default_str()
      ->group("Common");
  command
      ->add_option("--config", flags.config,
                   "JSON file with these same names; the command line wins")
      ->group("Common");
  command->add_option("--device", flags.common.compute.device, "cpu")
      ->capture_default_str()
      ->group("Common");
  command
      ->add_option("--dtype", flags.common.compute.dtype,
                   "auto, float32, bfloat16, float16 or float64; auto: float32, but the "
                   "checkpoint's bfloat16 for models above 50 million weights where the processor "
                   "multiplies it")
      ->capture_default_str()
      ->group("Common");
  command->add_option("--threads", flags.threads, "worker threads; 0: one a core")->group("Common");
  command->add_option("--seed", flags.common.seed, "of everything random")
      ->capture_default_str()
      ->group("Common");
  command
      ->add_option("--max-memory", flags.common.max_memory,
                   "of hidden states, e.g. 8GiB; beyond it they go to scratch files in --work")
      ->group("Common");
  command->add_flag("--dry-run", flags.common.dry_run, "say what would be done; write nothing")
      ->group("Common");
  command
      ->add_flag("--overwrite", flags.common.overwrite, "replace an output that mpq did not make")
      ->group("Common");
  command->add_flag("--json", flags.json, "the result as JSON on stdout, nothing else there")
      ->group("Common");
  command->add_flag("--quiet", flags.console.quiet, "warnings and errors only")->group("Common");
  command->add_flag("--verbose", flags.console.verbose, "debug messages too")->group("Common");
  command->add_flag("--no-progress", flags.console.no_progress, "no progress lines")
      ->group("Common");
  command->callback([&app, run = std::move(run), show = std::move(show)] {
    app.action = [&app, run, show] {
      const Json result = run();
      finish_progress();
      print_results([&] {
        if (app.flags.json) {
          fmt::print("{}\n", json_text(result, 2));
        } else {
          show(result);
        }
      });
      return result.is_object() ? result.value("exit_status", 0) : 0;
    };
  });
  return command;
}

std::string shell_command(const std::vector<std::string>& words) {
  std::string command;
  for (const auto& word : words) {
    const bool plain = !word.empty() && word.find_first_not_of(
                                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                            "0123456789_-./:=,+@%") == std::string::npos;
    if (!command.empty()) command += ' ';
    if (plain) {
      command += word;
      continue;
    }
    command += '\'';
    for (const char c : word) command += c == '\'' ? std::string("'\\''") : std::string(1, c);
    command += '\'';
  }
  return command;
}

void add_model_option(CLI::App* command, std::string& model) {
  command->add_option(
      "--model", model,
      "checkpoint folder (config.json, tokenizer.json, *.safetensors), or a GGUF file");
}

void add_task_options(CLI::App* command, std::vector<std::string>& task, TaskFields& fields,
                      const std::string& use) {
  command->add_option("--task", task, "task files" + use);
  add_field_options(command, fields);
}

void add_field_options(CLI::App* command, TaskFields& fields) {
  command->add_option("--prompt-field", fields.prompt,
                      "the task's field that holds the prompt, as text or messages; default: "
                      "messages, conversations, prompt, instruction, question or text");
  command->add_option("--answer-field", fields.answer,
                      "the field that holds the answers, or which choice is right");
  command->add_option("--choices-field", fields.choices, "the field that holds the choices");
}

void add_score_on_option(CLI::App* command, std::string& score_on) {
  command
      ->add_option("--score-on", score_on,
                   "tokens whose loss counts: all of the prompts as they are asked, or answers: "
                   "prompts are read with their answers (the first, the right choice, or the "
                   "assistant's last message), whose tokens alone are weighed")
      ->capture_default_str();
}

void add_calibrate_options(CLI::App* command, CalibrateOptions& options) {
  add_model_option(command, options.model);
  add_task_options(command, options.task, options.fields,
                   ": JSON lines or arrays of prompts, chats or questions, also gzipped");
  command->add_option("--text", options.text,
                      "general text files; default: the text that ships with mpq");
  command
      ->add_option("--holdout", options.prompts.holdout,
                   "share of the task that is never calibrated on")
      ->capture_default_str();
  command
      ->add_option("--max-prompts", options.prompts.max_prompts, "prompts to calibrate on, at most")
      ->capture_default_str();
  command
      ->add_option("--max-tokens", options.prompts.max_tokens,
                   "tokens of a prompt; longer ones keep their first (BOS) and their end")
      ->capture_default_str();
  add_score_on_option(command, options.prompts.score_on);
  command
      ->add_option("--text-windows", options.prompts.text_windows,
                   "windows of general text; 0: none")
      ->capture_default_str();
  command
      ->add_option("--text-window-tokens", options.prompts.text_window_tokens,
                   "tokens in each window")
      ->capture_default_str();
  command->add_option("--skip-first-tokens", options.skip_first_tokens,
                      "of every prompt, in block statistics: they often carry massive activations");
}

void add_score_options(CLI::App* command, ScoreOptions& options) {
  command
      ->add_option("--format", options.format,
                   "checkpoint format whose bytes count, see `mpq list`")
      ->capture_default_str();
  command
      ->add_option("--scorer", options.scorer,
                   "scorer spec, see `mpq list`; auto: taqo up to 10 blocks, grad beyond")
      ->capture_default_str();
  command
      ->add_option(
          "--palette", options.palette,
          "widths or quantizer specs to choose from: 2,3,4 or, for specs, separated by ; (16: left "
          "alone); default: the target's")
      ->delimiter(';');
  command->add_option("--quantizer", options.quantizer, "spec that completes the palette's widths")
      ->capture_default_str();
  command->add_option("--group", options.group, "weights that share a scale; 0: a whole row")
      ->capture_default_str();
  command
      ->add_option("--text-share", options.text_share,
                   "share of general text in the Hessians, 0 to 1")
      ->capture_default_str();
  command
      ->add_option("--probe-tokens", options.probe_tokens,
                   "tokens of the task that candidates are measured on, drawn from all prompts; 0: "
                   "8192, and 4096 for more than 10 blocks")
      ->capture_default_str();
  command->add_option("--target", options.target, "runtime the checkpoint is for, see `mpq list`")
      ->capture_default_str();
  command
      ->add_option("--fuse", options.fuse,
                   "linears that kernels fuse (q/k/v, gate/up) share one choice; no splits them")
      ->capture_default_str();
}

void add_allocate_options(CLI::App* command, AllocateOptions& options) {
  CLI::Option* budget = command->add_option(
      "--budget", options.budgets,
      "mean bits per quantized weight, metadata included; may repeat, or first:last:step");
  command
      ->add_option("--budget-counts", options.budget_counts,
                   "all, or codes: code bits alone, as papers count")
      ->capture_default_str();
  command
      ->add_option("--target-size", options.target_size,
                   "size of the whole checkpoint instead, e.g. 3.6GiB")
      ->excludes(budget);
  command->add_option("--allocator", options.allocator, "allocator spec, see `mpq list`")
      ->capture_default_str();
  command->add_flag_callback(
      "--no-verify", [&options] { options.verify = false; },
      "do not measure the plan against the best uniform one");
  command
      ->add_option("--max-general-kl", options.max_general_kl,
                   "nats per token that a plan may lose on general text beyond the uniform plan "
                   "before it is marked")
      ->capture_default_str();
  command
      ->add_option("--refine", options.refine,
                   "rounds of exchanges between units, tried by the measured loss of whole plans")
      ->capture_default_str();
}

void add_eval_options(CLI::App* command, EvalOptions& options) {
  command
      ->add_option("--max-prompt-tokens", options.max_tokens,
                   "tokens of a prompt; longer ones keep their first (BOS) and their end")
      ->capture_default_str();
  command->add_option("--max-new-tokens", options.max_new_tokens, "of generated answers")
      ->capture_default_str();
  command
      ->add_option("--window", options.window,
                   "tokens in a window of text; each but the first is scored")
      ->capture_default_str();
  command->add_option("--windows", options.text_windows, "windows of text, evenly spread; 0: all");
  command->add_option("--limit", options.limit, "prompts to read; 0: all");
}

void add_comparison_options(CLI::App* command, EvalOptions& options) {
  command->add_option("--eval-task", options.task,
                      "task files to compare on; default: held-out prompts");
  command->add_option("--eval-text", options.text,
                      "text files to compare on; default: held-out text");
  add_eval_options(command, options);
}

}  // namespace mpq::cli
