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
  /// These bytes are not needed soon: gives large ranges back, so that what stays in memory does
  /// not grow with the file. They may still be read, at the price of reading them again.
  void release(uint64_t begin, uint64_t bytes) const;
  /// These bytes are needed soon.
  void read_ahead(uint64_t begin, uint64_t bytes) const;

 private:
  const uint8_t* data_ = nullptr;
  uint64_t size_ = 0;
};

}  // namespace mpq
