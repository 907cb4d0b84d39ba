#pragma once
// A file that appears whole or not at all.
#include <cstddef>
#include <string>
#include <string_view>

namespace mpq {

/// Whether a file is on the disk when it is finished, or may be lost when the power fails: then it
/// costs no waiting. A killed process loses neither.
enum class Sync { Yes, No };

/// Written as NAME.tmp-HOST-PID beside its place, synced and renamed at finish(). A link stays: the
/// file that it names is replaced. A pipe or device (/dev/stdout) is written into.
class NewFile {
 public:
  /// Throws Error(Io). What killed runs left in the folder is removed.
  explicit NewFile(const std::string& path, Sync sync = Sync::Yes);
  /// Removes an unfinished file.
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  /// Throws Error(Io) on a full disk, and says so.
  void write(const void* data, size_t size);
  void finish();

 private:
  [[noreturn]] void fail_io(int reason) const;
  std::string path_;
  std::string target_;     // behind links
  std::string temporary_;  // empty: written in place
  bool synced_;
  int file_ = -1;
};

/// "HOST-PID" of this process: two nodes on one file system do not collide.
std::string process_name();
/// `name` and `suffix` as one file name, the former cut where a file system would refuse it.
std::string limited_name(const std::string& name, const std::string& suffix);
/// Whether a "HOST-PID" belongs to a process that is gone: of this host by its number, of another
/// one when `path` has not been written to for a day.
bool is_left_over(std::string_view process, const std::string& path);
/// Removes "*.tmp-HOST-PID" of processes that are gone from a folder, and from those below it.
/// NewFile does so once for every folder that it writes to.
void sweep_temporary_files(const std::string& folder, bool and_below = false);
/// Renames a file or folder within its file system, on disk when it returns. Throws Error(Io).
void put_in_place(const std::string& from, const std::string& to);
/// Syncs a file or folder to disk. Throws Error(Io).
void sync_path(const std::string& path);

}  // namespace mpq
