// Log sinks, progress and interruption.
#include "mpq/core/log.h"

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

Progress::Progress(std::string stage, int64_t total) : start_(std::chrono::steady_clock::now()) {
  event_.stage = std::move(stage);
  event_.total = total;
}

void Progress::step(const std::string& note, int64_t steps) {
  check_interrupt(event_.stage.c_str());
  event_.done += steps;
  event_.note = note;
  event_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  if (sinks().progress) sinks().progress(event_);
}

void request_interrupt() { interrupted.store(true); }

void check_interrupt(const char* during) {
  if (!interrupted.load(std::memory_order_relaxed)) return;
  const std::string place = during;
  fail(ErrorCode::Interrupted, "interrupted{}; run the same command again to go on",
       place.empty() ? place : " during " + place);
}

}  // namespace mpq
