// Tensors in memory while a budget lasts, in mapped scratch files beyond.
#include "mpq/io/memory_budget.h"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "mpq/core/error.h"

namespace mpq {

namespace {

/// A scratch file that has no name, so that nothing is left behind whatever happens.
int open_nameless(const std::string& folder) {
  const int file = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return file;
  std::string name = folder + "/.mpq-scratch-XXXXXX";  // some file systems know no O_TMPFILE
  const int named = ::mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) ::unlink(name.c_str());
  return named;
}

void* map_scratch(const std::string& folder, int64_t bytes) {
  const int file = open_nameless(folder);
  require(file >= 0, ErrorCode::Io, "{}: no scratch file can be made there: {}", folder,
          std::strerror(errno));
  // Space is claimed now, so that a full disk is an error here and not a signal later.
  const int status = ::posix_fallocate(file, 0, bytes);
  void* mapped = status == 0 ? ::mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE,
                                      MAP_SHARED, file, 0)
                             : MAP_FAILED;
  const int reason = status != 0 ? status : errno;
  ::close(file);
  require(mapped != MAP_FAILED, ErrorCode::Io,
          "{}: a scratch file of {} bytes cannot be made: {}; raise --max-memory or free space",
          folder, bytes, std::strerror(reason));
  return mapped;
}

int64_t bytes_of(int64_t rows, int64_t columns, at::ScalarType dtype) {
  int64_t bytes = 0;
  const auto size = static_cast<int64_t>(c10::elementSize(dtype));
  const bool fits = rows >= 0 && columns >= 0 && !__builtin_mul_overflow(rows, columns, &bytes) &&
                    !__builtin_mul_overflow(bytes, size, &bytes);
  require(fits, ErrorCode::Internal, "activations of [{}, {}] have no size", rows, columns);
  return bytes;
}

}  // namespace

struct MemoryBudget::Account {
  int64_t limit = -1;
  std::string folder;
  std::atomic<int64_t> memory{0};
  std::atomic<int64_t> scratch{0};

  /// Takes `bytes` if they fit; never above the limit, not even for a moment.
  bool take(int64_t bytes) {
    int64_t taken = memory.load();
    while (limit < 0 || bytes <= limit - taken) {
      if (memory.compare_exchange_weak(taken, taken + bytes)) return true;
    }
    return false;
  }

  at::Tensor in_memory(int64_t rows, int64_t columns, const at::TensorOptions& options,
                       int64_t bytes) {
    try {
      return at::empty({rows, columns}, options);
    } catch (const std::exception&) {  // c10's allocator, or bad_alloc
      memory.fetch_sub(bytes);
      fail(ErrorCode::Io, "memory for {} bytes of activations is not there; lower --max-memory",
           bytes);
    }
  }
};

MemoryBudget::MemoryBudget(int64_t limit_bytes, std::string folder)
    : account_(std::make_shared<Account>()) {
  account_->limit = limit_bytes;
  account_->folder = std::move(folder);
}

at::Tensor MemoryBudget::allocate(int64_t rows, int64_t columns, at::ScalarType dtype) {
  const auto options = at::TensorOptions().dtype(dtype);
  const int64_t bytes = bytes_of(rows, columns, dtype);
  if (bytes == 0) return at::empty({rows, columns}, options);
  const auto account = account_;
  if (account->take(bytes)) {
    // The wrapper gives the bytes back to the account when the tensor dies.
    auto owned = std::make_shared<at::Tensor>(account->in_memory(rows, columns, options, bytes));
    void* data = owned->mutable_data_ptr();
    return at::from_blob(
        data, {rows, columns},
        [owned, account, bytes](void*) mutable {
          owned.reset();
          account->memory.fetch_sub(bytes);
        },
        options);
  }
  void* mapped = map_scratch(account->folder, bytes);
  account->scratch.fetch_add(bytes);
  return at::from_blob(
      mapped, {rows, columns},
      [account, bytes](void* data) {
        ::munmap(data, static_cast<size_t>(bytes));
        account->scratch.fetch_sub(bytes);
      },
      options);
}

int64_t MemoryBudget::in_memory_bytes() const { return account_->memory.load(); }
int64_t MemoryBudget::scratch_bytes() const { return account_->scratch.load(); }

}  // namespace mpq
