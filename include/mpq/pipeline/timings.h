#pragma once
// How long stages took and how much memory they held, apart from their outputs: those are the same
// in every run.
#include <chrono>
#include <string>

#include "mpq/core/json_file.h"

namespace mpq {

/// Starts with the stage; record() writes into timings.json of the work folder.
class StageTimer {
 public:
  explicit StageTimer(std::string stage);
  /// Seconds since the start, and the process's peak resident memory so far.
  void record(const std::string& work) const;

 private:
  std::string stage_;
  std::chrono::steady_clock::time_point start_;
};

/// {"calibrate": {"seconds", "peak_bytes"}, ...}; empty when nothing was recorded.
Json read_timings(const std::string& work);

}  // namespace mpq
