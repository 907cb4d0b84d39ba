#pragma once
// A read-only memory mapping of a whole file.
#include <cstdint>
#include <string>

namespace mpq {

class MappedFile {
 public:
  /// Throws Error(Io) when the path is not a readable file.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const uint8_t* data() const { return data_; }
  uint64_t size() const { return size_; }

 private:
  const uint8_t* data_ = nullptr;
  uint64_t size_ = 0;
};

}  // namespace mpq
