#pragma once
// What every subcommand shares: its common options, how its result is shown, and its registration.
#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "console.h"
#include "mpq/core/json_file.h"
#include "mpq/pipeline/options.h"

namespace mpq::cli {

/// Options of the program itself, beside those of the stages.
struct Flags {
  CommonOptions common;
  int threads = 0;
  bool json = false;
  ConsoleOptions console;
  std::string config;  // read before parsing; here for the help
};

/// What main runs after parsing: returns the exit status.
using Action = std::function<int()>;

struct App {
  CLI::App cli{"mpq: the best packed checkpoint of a language model for your task and size budget",
               "mpq"};
  Flags flags;
  CalibrateOptions calibrate;
  ScoreOptions score;
  AllocateOptions allocate;
  QuantizeOptions quantize;
  EvalOptions eval;
  Action action;
};

/// A subcommand with the common options; `run` is called when it was chosen and returns its result,
/// which `show` prints for people.
CLI::App* add_command(App& app, const std::string& name, const std::string& description,
                      std::function<Json()> run, std::function<void(const Json&)> show);

/// The words with quotes where a shell needs them.
std::string shell_command(const std::vector<std::string>& words);

void add_model_option(CLI::App* command, std::string& model);
/// --task, `use` says for what, and the names of its records' fields.
void add_task_options(CLI::App* command, std::vector<std::string>& task, TaskFields& fields,
                      const std::string& use = "");
void add_field_options(CLI::App* command, TaskFields& fields);
void add_score_on_option(CLI::App* command, std::string& score_on);
void add_calibrate_options(CLI::App* command, CalibrateOptions& options);
void add_score_options(CLI::App* command, ScoreOptions& options);
void add_allocate_options(CLI::App* command, AllocateOptions& options);
void add_eval_options(CLI::App* command, EvalOptions& options);
/// The prompts and text that run and report compare on.
void add_comparison_options(CLI::App* command, EvalOptions& options);

// One file each.
void add_calibrate(App& app);
void add_score(App& app);
void add_allocate(App& app);
void add_quantize(App& app);
void add_export_recipe(App& app);
void add_eval(App& app);
void add_run(App& app);
void add_check(App& app);
void add_diff(App& app);
void add_report(App& app);
void add_inspect(App& app);
void add_list(App& app);
void add_tokenize(App& app);
void add_logits(App& app);

}  // namespace mpq::cli
