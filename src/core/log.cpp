// Log sinks and interruption.
#include "mpq/core/log.h"

#include <atomic>

#include "mpq/core/error.h"

namespace mpq {
namespace {

LogSinks& sinks() {
  static LogSinks value;
  return value;
}

std::atomic<bool> interrupted{false};

}  // namespace

void set_log_sinks(LogSinks value) { sinks() = std::move(value); }

void log_message(LogLevel level, const std::string& text) {
  if (sinks().message) sinks().message(level, text);
}

void report_progress(const ProgressEvent& event) {
  if (sinks().progress) sinks().progress(event);
}

void request_interrupt() { interrupted.store(true); }

void check_interrupt(const char* during) {
  if (!interrupted.load(std::memory_order_relaxed)) return;
  const std::string place = during;
  fail(ErrorCode::Interrupted, "interrupted{}; run the same command again to go on",
       place.empty() ? place : " during " + place);
}

}  // namespace mpq
