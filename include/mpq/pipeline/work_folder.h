#pragma once
// The work folder remembers each stage's outputs and the hash of what they were made from.
#include <string>

#include "mpq/core/json_file.h"

namespace mpq {

/// manifest.json in the folder: {"schema": "mpq-work/1", "stages": {NAME: {"key": HASH, ...facts}},
/// "file_hashes": {...}}.
class WorkFolder {
 public:
  /// Creates the folder when `create`; otherwise Error(Usage) saying to run calibrate first when it
  /// is not there.
  WorkFolder(std::string path, bool create);

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

  /// True when `stage` was recorded with this key (its outputs were complete then).
  bool up_to_date(const std::string& stage, const std::string& key) const;
  /// Facts of a stage. Throws Error(Usage) naming the command to run when the stage was never
  /// completed.
  Json facts(const std::string& stage) const;
  bool has(const std::string& stage) const;
  /// Records a completed stage; `facts` gets the key added.
  void record(const std::string& stage, const std::string& key, Json facts);

  /// SHA-256 of a file, remembered by path, size and modification time.
  std::string hash_file(const std::string& path);

 private:
  void save() const;
  std::string path_;
  Json manifest_;
};

/// SHA-256 of a JSON value: the key of a stage is the hash of its inputs' hashes, options and mpq's
/// version.
std::string key_of(Json inputs);

}  // namespace mpq
