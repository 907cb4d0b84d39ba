// A folder filled beside its place and put there when complete.
#include "mpq/io/output_folder.h"

#include <unistd.h>

#include <filesystem>

#include "mpq/core/error.h"

namespace mpq {
namespace fs = std::filesystem;

OutputFolder::OutputFolder(std::string path, bool overwrite)
    : path_(fs::absolute(path).lexically_normal().string()) {
  while (path_.size() > 1 && path_.back() == '/') path_.pop_back();
  std::error_code error;
  if (fs::is_symlink(path_, error)) {  // a link stays: the folder it names is filled
    path_ = fs::canonical(path_, error).string();
    require(!error, ErrorCode::Usage, "--out {}: is a link to nowhere: {}", path, error.message());
  }
  require(path_ != "/", ErrorCode::Usage, "--out {}: expected a folder below /", path);
  if (fs::exists(path_, error)) {
    require(fs::is_directory(path_, error), ErrorCode::Usage,
            "--out {}: exists and is not a folder", path);
    require(overwrite || fs::is_empty(path_, error), ErrorCode::Usage,
            "--out {}: exists and is not empty; choose another name or give --overwrite", path);
  }
  const fs::path target(path_);
  fs::create_directories(target.parent_path(), error);
  require(!error, ErrorCode::Io, "--out {}: the folder above cannot be created: {}", path,
          error.message());
  temporary_ =
      (target.parent_path() / fmt::format(".{}.partial-{}", target.filename().string(), ::getpid()))
          .string();
  fs::remove_all(temporary_, error);  // of a run that had this process's number
  if (!error) fs::create_directory(temporary_, error);
  require(!error, ErrorCode::Io, "--out {}: cannot be written: {}", path, error.message());
}

OutputFolder::~OutputFolder() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(temporary_, ignored);
}

std::string OutputFolder::file(const std::string& name) const { return temporary_ + "/" + name; }

void OutputFolder::commit() {
  std::error_code error;
  const std::string aside = temporary_ + ".old";
  const bool replaces = fs::exists(path_, error);
  if (replaces) fs::rename(path_, aside, error);
  if (!error) fs::rename(temporary_, path_, error);
  if (error) {
    std::error_code ignored;
    if (replaces && !fs::exists(path_, ignored)) fs::rename(aside, path_, ignored);
    fail(ErrorCode::Io, "{}: cannot be put in place: {}", path_, error.message());
  }
  committed_ = true;
  if (replaces) fs::remove_all(aside, error);
}

}  // namespace mpq
