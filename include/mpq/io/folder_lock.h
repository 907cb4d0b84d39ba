#pragma once
// One process at a time in a work folder, or at one file of a store.
#include <memory>
#include <string>

namespace mpq {

/// An advisory lock that the kernel gives back when its holder ends, however that happens. It is
/// the file FOLDER/.lock, or FILE.lock for one key of a store, with the holder's pid, host, command
/// and time in it as JSON; it is empty while nobody holds it, and it is never removed.
/// Between processes only: a process that holds it gets it again at once, in any thread.
class FolderLock {
 public:
  /// `path`: a folder, or a file in a folder (the file need not be there). `who`: the command,
  /// which others are shown. `option` begins messages, as in "--work". Waits while another process
  /// holds the lock, saying once who does. Throws Error(Interrupted) after request_interrupt(),
  /// Error(Io) when the lock file cannot be made.
  FolderLock(const std::string& path, const std::string& who, const std::string& option = "--work");
  ~FolderLock();
  FolderLock(FolderLock&&) noexcept;
  FolderLock& operator=(FolderLock&&) noexcept;
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  struct Held;
  std::shared_ptr<Held> held_;
};

}  // namespace mpq
