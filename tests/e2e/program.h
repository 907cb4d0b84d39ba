#pragma once
// Runs the mpq binary as a user would, in a folder of its own.
#include <string>
#include <vector>

namespace mpq {

struct ProgramResult {
  int status = -1;
  std::string out;
  std::string err;
};

/// Limits of one run. `file_bytes` > 0: no file may grow beyond (RLIMIT_FSIZE), as on a full disk.
struct ProgramLimits {
  long file_bytes = 0;
};

ProgramResult run_mpq(const std::vector<std::string>& arguments, const ProgramLimits& limits = {});

/// A fresh temporary folder, removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// The small trained model of the goldens (stories260K), and a copy of it that a test may damage.
std::string small_model();
void copy_model(const std::string& to);
/// A task file of a few prompts for it.
std::string write_task(const TemporaryFolder& folder);

}  // namespace mpq
