// Parses the header from an exact heap copy, where a sanitizer sees any read past its end, then
// opens the same bytes as a file.
#include "tests/io/safetensors_bytes.h"

#include <ATen/ATen.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

#include "mpq/core/error.h"
#include "mpq/io/safetensors.h"
#include "src/io/safetensors_header.h"

namespace mpq {
namespace {

constexpr size_t kLengthBytes = 8;

void expect(bool ok, const char* promise) {
  if (!ok) throw std::logic_error(std::string("broken promise: ") + promise);
}

bool header_is_valid(std::string_view bytes) {
  uint64_t size = 0;
  if (bytes.size() < kLengthBytes) return false;
  std::memcpy(&size, bytes.data(), kLengthBytes);
  if (size > bytes.size() - kLengthBytes) return false;
  const std::unique_ptr<char[]> exact(new char[size]);
  std::memcpy(exact.get(), bytes.data() + kLengthBytes, size);
  try {
    parse_safetensors_header({exact.get(), size}, bytes.size() - kLengthBytes - size, "header");
    return true;
  } catch (const Error& error) {
    expect(error.code() == ErrorCode::Format, "a bad header is Error(Format)");
    return false;
  }
}

/// The bytes as a file without a name, /proc/self/fd/N.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : file_(::memfd_create("safetensors", MFD_CLOEXEC)) {
    expect(::write(file_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
           "the test can write its file");
  }
  ~MemoryFile() { ::close(file_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

void check_tensors(const SafetensorsFile& file, std::string_view data) {
  size_t covered = 0;
  for (const auto& [name, entry] : file.tensors()) {
    expect(entry.begin <= entry.end && entry.end <= data.size(), "tensors lie in the data");
    covered += entry.end - entry.begin;
    at::Tensor tensor;
    try {
      tensor = file.tensor(name);
    } catch (const Error&) {
      expect(entry.dtype == at::kBool, "only BOOL values can be bad");
      continue;
    }
    expect(tensor.sizes() == at::IntArrayRef(entry.shape), "the shape is the header's");
    expect(tensor.nbytes() == entry.end - entry.begin, "the size is the header's");
    const auto stored = data.substr(entry.begin, tensor.nbytes());
    expect(
        stored.empty() || std::memcmp(tensor.const_data_ptr(), stored.data(), stored.size()) == 0,
        "the values are the file's");
  }
  expect(covered == data.size(), "tensors cover the data");
}

}  // namespace

bool check_safetensors_bytes(std::string_view bytes) {
  const bool valid = header_is_valid(bytes);
  const MemoryFile memory(bytes);
  try {
    const SafetensorsFile file(memory.path());
    expect(valid, "a file with a bad header is refused");
    uint64_t header = 0;
    std::memcpy(&header, bytes.data(), kLengthBytes);
    check_tensors(file, bytes.substr(kLengthBytes + header));
    return true;
  } catch (const Error& error) {
    expect(!valid && error.code() == ErrorCode::Format, "a file with a good header is accepted");
    return false;
  }
}

}  // namespace mpq
