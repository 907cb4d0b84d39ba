#pragma once
// Runs the mpq binary as a user would, in a folder of its own.
#include <string>
#include <vector>

#include "mpq/core/json_file.h"
#include "tests/support/temporary_folder.h"

namespace mpq {

struct ProgramResult {
  int status = -1;
  std::string out;
  std::string err;
};

/// Limits of one run; 0: none.
struct ProgramLimits {
  long file_bytes = 0;            // no file may grow beyond (RLIMIT_FSIZE), as on a full disk
  double kill_after_seconds = 0;  // then `signal`, unless it has ended
  int signal = 9;                 // SIGKILL
  std::string out = {};           // a device or pipe that stdout goes to; empty: the result's `out`
  bool closed_out = false;
};

ProgramResult run_mpq(const std::vector<std::string>& arguments, const ProgramLimits& limits = {});

/// What a command that must succeed prints as JSON; null when it fails, which fails the test.
Json run_json(std::vector<std::string> arguments);

/// The small trained model of the goldens (stories260K), and a copy of it that a test may damage.
std::string small_model();
void copy_model(const std::string& to);
/// A task file of a few prompts for it.
std::string write_task(const TemporaryFolder& folder);

}  // namespace mpq
