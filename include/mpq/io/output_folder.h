#pragma once
// A folder that exists whole or not at all: filled under a temporary name beside it, renamed at
// commit().
#include <string>

namespace mpq {

class OutputFolder {
 public:
  /// Throws Error(Io) when the parent cannot be written; Error(Usage) when `path` exists, is not
  /// empty and `overwrite` is false.
  OutputFolder(std::string path, bool overwrite);
  /// Removes the temporary folder unless committed.
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  /// Path of a file inside the temporary folder.
  std::string file(const std::string& name) const;
  const std::string& temporary() const { return temporary_; }
  /// Puts the folder in its place (an old one is removed only once the new one is complete).
  void commit();

 private:
  std::string path_;
  std::string temporary_;
  bool committed_ = false;
};

}  // namespace mpq
