#pragma once
// How the library speaks: it never prints; a sink set by the program receives messages and
// progress.
#include <fmt/core.h>

#include <functional>
#include <string>
#include <utility>

namespace mpq {

enum class LogLevel { Debug, Info, Warning };

/// One step of a long stage. `done` of `total` steps; `note` is e.g. the current loss.
struct ProgressEvent {
  std::string stage;
  int64_t done = 0;
  int64_t total = 0;
  double seconds = 0;        // since the stage began, in this process
  double seconds_left = -1;  // as far as known; below 0: not yet
  std::string note;
};

struct LogSinks {
  std::function<void(LogLevel, const std::string&)> message;
  std::function<void(const ProgressEvent&)> progress;
};

/// Set once at start-up by the program; without it the library is silent.
void set_log_sinks(LogSinks sinks);
void log_message(LogLevel level, const std::string& text);
void report_progress(const ProgressEvent& event);

template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_message(LogLevel::Info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_message(LogLevel::Warning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  log_message(LogLevel::Debug, fmt::format(format, std::forward<Args>(args)...));
}

/// Asks every running stage to stop at its next step; safe in a signal handler.
void request_interrupt();
/// Throws Error(Interrupted) after request_interrupt(), naming what it ended; else costs next to
/// nothing. For inner loops that take longer than a second; never inside an OpenMP region.
void check_interrupt(const char* during = "");

}  // namespace mpq
