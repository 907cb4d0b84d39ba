// The mpq program: parses the command line, runs one command, turns errors into one line and an
// exit status.
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <new>

#include "app.h"
#include "config_file.h"
#include "mpq/core/error.h"
#include "mpq/core/heap.h"
#include "mpq/core/log.h"
#include "mpq/core/suggest.h"
#include "results.h"

namespace {

/// One line, whatever names are in the message.
int report(const std::string& message, int status) {
  std::string line;
  for (const char c : message) line += c == '\n' ? "\\n" : c == '\r' ? "\\r" : std::string(1, c);
  mpq::cli::finish_progress();
  mpq::cli::say("error: " + line + "\n");
  return status;
}

/// The first word that looks like an option and is none of the command's; empty: there is none.
std::string unknown_option(const CLI::App& command, const std::vector<std::string>& arguments) {
  for (const auto& argument : arguments) {
    const std::string name = argument.substr(0, argument.find('='));
    if (name.rfind("--", 0) != 0 || name == "--") continue;
    if (command.get_option_no_throw(name) != nullptr) continue;
    std::vector<std::string> names;
    for (const CLI::Option* known : command.get_options()) {
      for (const auto& word : known->get_lnames()) names.push_back("--" + word);
    }
    return fmt::format("unknown option \"{}\"{}", name, mpq::suggestion(name, names));
  }
  return {};
}

/// CLI11 prints help on stdout itself; anything else is one line.
int report_parse_error(const CLI::App& cli, const CLI::ParseError& error,
                       const std::vector<std::string>& arguments) {
  if (error.get_exit_code() == 0) return cli.exit(error);
  const CLI::App* command = nullptr;
  for (const CLI::App* known : cli.get_subcommands({})) {
    if (!arguments.empty() && known->get_name() == arguments.front()) command = known;
  }
  std::string message = unknown_option(command == nullptr ? cli : *command, arguments);
  if (message.empty()) message = error.what();
  for (char& c : message) {
    if (c == '\n') c = ' ';
  }
  const std::string help = command == nullptr ? "mpq" : "mpq " + arguments.front();
  return report(fmt::format("{}; see `{} --help`", message, help),
                static_cast<int>(mpq::ErrorCode::Usage));
}

/// A first word that is no command is most likely a mistyped one.
void check_command(const CLI::App& cli, const std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments.front().rfind('-', 0) == 0) return;
  std::vector<std::string> names;
  for (const CLI::App* command : cli.get_subcommands({})) names.push_back(command->get_name());
  const bool known = std::find(names.begin(), names.end(), arguments.front()) != names.end();
  mpq::require(known, mpq::ErrorCode::Usage, "unknown command \"{}\"{}", arguments.front(),
               known ? "" : mpq::suggestion(arguments.front(), names));
}

constexpr std::array<int, 3> kStopSignals = {SIGINT, SIGTERM, SIGHUP};

/// The first signal ends the run at its next step, a second one at once.
void stop(int) {
  mpq::request_interrupt();
  for (const int signal : kStopSignals) std::signal(signal, SIG_DFL);
}

void stop_on_signals() {
  for (const int signal : kStopSignals) {
    const auto before = std::signal(signal, stop);
    if (signal == SIGHUP && before == SIG_IGN) std::signal(signal, SIG_IGN);  // under nohup
  }
}

int run_command(mpq::cli::App& app, int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  check_command(app.cli, arguments);
  std::vector<std::string> words = arguments;
  words.insert(words.begin(), "mpq");
  app.flags.common.command = mpq::cli::shell_command(words);
  arguments = mpq::cli::expand_config(app.cli, std::move(arguments));
  try {
    app.cli.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    return report_parse_error(app.cli, error, arguments);
  }
  mpq::cli::set_up_console(app.flags.console);
  mpq::require(app.flags.threads >= 0, mpq::ErrorCode::Usage,
               "--threads: expected 0 or more, found {}", app.flags.threads);
  if (app.flags.threads > 0) at::set_num_threads(app.flags.threads);
  return app.action();
}

}  // namespace

int main(int argc, char** argv) {
  mpq::cli::hold_standard_streams();
  // A file size limit shall be an error of write(), not a signal.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  stop_on_signals();
  mpq::cli::App app;
  app.cli.require_subcommand(1);
  app.cli.set_version_flag("--version", MPQ_VERSION);
  mpq::cli::add_calibrate(app);
  mpq::cli::add_score(app);
  mpq::cli::add_allocate(app);
  mpq::cli::add_quantize(app);
  mpq::cli::add_export_recipe(app);
  mpq::cli::add_eval(app);
  mpq::cli::add_run(app);
  mpq::cli::add_check(app);
  mpq::cli::add_diff(app);
  mpq::cli::add_report(app);
  mpq::cli::add_inspect(app);
  mpq::cli::add_list(app);
  mpq::cli::add_tokenize(app);
  mpq::cli::add_logits(app);
  mpq::keep_small_blocks();
  const c10::NoGradGuard no_gradients;  // a scorer that needs gradients turns them on for itself
  const auto internal = static_cast<int>(mpq::ErrorCode::Internal);
  try {
    return mpq::cli::finish_results(run_command(app, argc, argv));
  } catch (const mpq::Error& error) {
    return report(error.what(), error.exit_status());
  } catch (const c10::Error& error) {
    return report(fmt::format("internal: libtorch: {}", error.what_without_backtrace()), internal);
  } catch (const std::bad_alloc&) {
    return report("out of memory; lower --max-memory, --max-prompts or --text-windows", internal);
  } catch (const nlohmann::json::exception& error) {
    return report(
        fmt::format("a JSON file of the model, the plan or the work folder is damaged: {}",
                    error.what()),
        static_cast<int>(mpq::ErrorCode::Format));
  } catch (const std::exception& error) {
    return report(fmt::format("internal: {}", error.what()), internal);
  }
}
