#pragma once
// Files of the repository.
#include <string>

namespace mpq {

inline std::string source_path(const std::string& path) {
  return std::string(MPQ_SOURCE_DIR) + "/" + path;
}

}  // namespace mpq
