// mmap of a whole file; an empty file maps to nothing.
#include "mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "mpq/core/error.h"

namespace mpq {
namespace {

constexpr uint64_t kWorthReleasing = uint64_t{1} << 20;

}  // namespace

MappedFile::MappedFile(const std::string& path) {
  // A pipe would block without O_NONBLOCK.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  require(file >= 0, ErrorCode::Io, "{}: cannot be read: {}", path, std::strerror(errno));
  struct stat status {};
  const bool regular = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  size_ = regular ? static_cast<uint64_t>(status.st_size) : 0;
  void* mapped = size_ > 0 ? ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0) : nullptr;
  const int reason = errno;
  ::close(file);
  require(regular, ErrorCode::Io, "{}: expected a file, found {}", path,
          S_ISDIR(status.st_mode) ? "a folder" : "a device or pipe");
  require(mapped != MAP_FAILED, ErrorCode::Io, "{}: cannot be mapped: {}", path,
          std::strerror(reason));
  data_ = static_cast<const uint8_t*>(mapped);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<uint8_t*>(data_), size_);
}

void MappedFile::release(uint64_t begin, uint64_t bytes) const {
  if (bytes < kWorthReleasing) return;
  const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  const uint64_t first = (begin + page - 1) / page * page;
  const uint64_t last = (begin + bytes) / page * page;
  // A mere hint, and the mapping is never written to: failure changes nothing.
  ::madvise(const_cast<uint8_t*>(data_) + first, last - first, MADV_DONTNEED);
}

void MappedFile::read_ahead(uint64_t begin, uint64_t bytes) const {
  const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  const uint64_t first = begin / page * page;
  ::madvise(const_cast<uint8_t*>(data_) + first, begin + bytes - first, MADV_WILLNEED);
}

}  // namespace mpq
