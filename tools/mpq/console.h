#pragma once
// The log and the progress line on stderr.
#include <string>

namespace mpq::cli {

struct ConsoleOptions {
  bool quiet = false;    // warnings and errors only
  bool verbose = false;  // debug messages too
  bool no_progress = false;
};

/// Connects the library's sinks to spdlog and a progress line (a terminal: one line redrawn; else a
/// line every 10 s).
void set_up_console(const ConsoleOptions& options);
/// Ends a progress line that is being redrawn.
void finish_progress();
/// Writes to stderr; one that is full or closed does not end the run.
void say(const std::string& text);

}  // namespace mpq::cli
