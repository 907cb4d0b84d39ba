#pragma once
// The work folder: what each stage made, under a name that is the hash of what it was made from.
#include <memory>
#include <string>

#include "mpq/core/json_file.h"
#include "mpq/io/folder_lock.h"

namespace mpq {

/// Results lie in <kind>/<key>, complete when they have that name. manifest.json holds what has no
/// key of its own: {"schema": "mpq-work/2", "stages": {NAME: {"key": KEY, ...facts}},
/// "file_hashes": {...}}
/// - the calibration in use, and outputs outside the folder.
class WorkFolder {
 public:
  /// Look: reads, or adds results by key. Work: one process at a time, this one waits for the
  /// other.
  enum class Access { Look, Work };
  /// `command`, as it was typed, is shown to those who wait. Creates the folder when told to;
  /// otherwise Error(Usage) saying to run calibrate first when it is not there.
  WorkFolder(std::string path, Access access, const std::string& command, bool create = false);

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

  /// Removes the oldest folders of a kind, those that a killed run left too, down to `count`.
  void keep_newest(const std::string& kind, size_t count) const;

  /// Writes a JSON value as <kind>/<hash of its text>.json and returns that name.
  std::string keep(const std::string& kind, const Json& value) const;
  /// Reads what keep() wrote. Throws Error(Usage) when it is not there, Error(Format) when its text
  /// is not that of its name.
  Json kept(const std::string& name) const;
  /// A file of another name, whose hash, or its beginning, was noted elsewhere.
  Json kept(const std::string& name, const std::string& hash) const;

  /// SHA-256 of a file, remembered by path, size, inode and times of modification and change.
  std::string hash_file(const std::string& path);

 private:
  void read_manifest();
  std::string path_;
  std::shared_ptr<FolderLock> lock_;  // null when only looking
  Json manifest_;
};

/// Hash of a JSON value: the key of a result is the hash of its inputs' hashes, options, and the
/// version of the code that makes it.
std::string key_of(Json inputs);

}  // namespace mpq
