// Tensors in memory while a budget lasts, in mapped scratch files beyond.
#include "mpq/io/memory_budget.h"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "mpq/core/error.h"

namespace mpq {

struct MemoryBudget::Account {
  int64_t limit = -1;
  std::string folder;
  std::atomic<int64_t> memory{0};
  std::atomic<int64_t> scratch{0};

  void* map_scratch(int64_t bytes) const {
    const int file = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
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
};

MemoryBudget::MemoryBudget(int64_t limit_bytes, std::string folder)
    : account_(std::make_shared<Account>()) {
  account_->limit = limit_bytes;
  account_->folder = std::move(folder);
}

at::Tensor MemoryBudget::allocate(int64_t rows, int64_t columns, at::ScalarType dtype) {
  const auto options = at::TensorOptions().dtype(dtype);
  const int64_t bytes = rows * columns * static_cast<int64_t>(c10::elementSize(dtype));
  if (bytes == 0) return at::empty({rows, columns}, options);
  const auto account = account_;
  const bool fits =
      account->limit < 0 || account->memory.fetch_add(bytes) + bytes <= account->limit;
  if (account->limit < 0) account->memory.fetch_add(bytes);
  if (fits) {
    // The wrapper gives the bytes back to the account when the tensor dies.
    auto owned = std::make_shared<at::Tensor>(at::empty({rows, columns}, options));
    void* data = owned->data_ptr();
    return at::from_blob(
        data, {rows, columns},
        [owned, account, bytes](void*) mutable {
          owned.reset();
          account->memory.fetch_sub(bytes);
        },
        options);
  }
  account->memory.fetch_sub(bytes);
  void* mapped = account->map_scratch(bytes);
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
