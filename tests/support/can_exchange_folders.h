#pragma once
// Whether outputs can take the place of others in one step here.
#include <fcntl.h>

#include <cstdio>

#include "tests/support/temporary_folder.h"

namespace mpq {

/// Whether the file system of a folder puts two folders in each other's place at once.
inline bool can_exchange_folders(const std::filesystem::path& above) {
  const TemporaryFolder place(above);
  const std::string one = place.file("one"), other = place.file("other");
  std::filesystem::create_directory(one);
  std::filesystem::create_directory(other);
  return ::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) == 0;
}

}  // namespace mpq
