#pragma once
// A folder that exists whole or not at all: filled under a temporary name beside it, exchanged with
// what stands there at commit().
#include <string>
#include <vector>

namespace mpq {

/// Whether `path` can become an output, before any work: Error(Usage) when a file stands there, or
/// a folder that is not empty and `overwrite` is false; Error(Io) when the folder above, or the
/// first above it that is there, cannot be written. Changes nothing.
void require_output_folder(const std::string& path, bool overwrite);

class OutputFolder {
 public:
  /// Throws as require_output_folder(). What killed runs left of this output is removed.
  OutputFolder(std::string path, bool overwrite);
  /// Removes the temporary folder unless committed.
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  /// Path of a file inside the temporary folder.
  std::string file(const std::string& name) const;
  const std::string& temporary() const { return temporary_; }
  /// Syncs the folder to disk and puts it in its place, in one step where the file system can
  /// exchange two folders; an old one is removed only then.
  void commit();

 private:
  std::string path_;
  std::string temporary_;
  bool committed_ = false;
};

/// An output must not take the place of what it is made from: Error(Usage), naming `option`, when
/// the folder or file `out` is one of `inputs` (files or folders, links resolved), a folder above
/// one, or would replace something inside one. `made_here`: what stands at `out` was made by mpq,
/// so that it may be replaced inside an input too. Call it before any work.
void require_apart(const std::string& out, const std::vector<std::string>& inputs,
                   const std::string& option, bool made_here = false);

}  // namespace mpq
