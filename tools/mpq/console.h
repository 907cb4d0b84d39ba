#pragma once
// The log and the progress line on stderr.
#include "app.h"

namespace mpq::cli {

/// Connects the library's sinks to spdlog and a progress line (a terminal: one line redrawn; else a line every 10 s).
void set_up_console(const Flags& flags);
/// Ends a progress line that is being redrawn.
void finish_progress();

}  // namespace mpq::cli
