// Log messages by spdlog, progress with the time left.
#include "console.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <mutex>

#include "mpq/core/log.h"
#include "mpq/core/units.h"

namespace mpq::cli {
namespace {

class ProgressLine {
 public:
  void show(const ProgressEvent& event) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const bool last = event.done >= event.total;
    const bool new_stage = event.stage != stage_;
    stage_ = event.stage;
    const double interval = terminal_ ? 0.1 : 10.0;
    if (!last && !new_stage && event.seconds - shown_at_ < interval && event.seconds >= shown_at_)
      return;
    if (!terminal_ && !last && event.seconds < interval) return;
    shown_at_ = event.seconds;
    std::string text = fmt::format("{} {}/{}", event.stage, event.done, event.total);
    if (!event.note.empty()) text += ", " + event.note;
    if (last) {
      text += ", " + format_seconds(event.seconds);
    } else if (event.seconds_left >= 0) {
      text += ", ETA " + format_seconds(event.seconds_left);
    }
    if (terminal_) {
      say(fmt::format("\r\x1b[2K{}{}", text, last ? "\n" : ""));
      open_ = !last;
    } else {
      say(text + "\n");
    }
  }

  void finish() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (open_) say("\n");
    open_ = false;
  }

 private:
  std::mutex mutex_;
  bool terminal_ = ::isatty(STDERR_FILENO) != 0;
  bool open_ = false;
  double shown_at_ = 0;
  std::string stage_;
};

ProgressLine& line() {
  static ProgressLine value;
  return value;
}

}  // namespace

void set_up_console(const ConsoleOptions& options) {
  auto logger = spdlog::stderr_color_mt("mpq");
  logger->set_pattern("%^%l%$: %v");
  logger->set_level(options.quiet     ? spdlog::level::warn
                    : options.verbose ? spdlog::level::debug
                                      : spdlog::level::info);
  LogSinks sinks;
  sinks.message = [logger](LogLevel level, const std::string& text) {
    finish_progress();
    const auto severity = level == LogLevel::Warning ? spdlog::level::warn
                          : level == LogLevel::Debug ? spdlog::level::debug
                                                     : spdlog::level::info;
    logger->log(severity, "{}", text);
  };
  if (!options.quiet && !options.no_progress)
    sinks.progress = [](const ProgressEvent& event) { line().show(event); };
  set_log_sinks(std::move(sinks));
}

void finish_progress() { line().finish(); }

void say(const std::string& text) {
  (void)std::fputs(text.c_str(), stderr);
  (void)std::fflush(stderr);
}

}  // namespace mpq::cli
