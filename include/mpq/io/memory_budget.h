#pragma once
// Rows of activations kept in memory, or in an unlinked memory-mapped scratch file when they pass a
// limit.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

namespace mpq {

/// How much may stay in memory, shared by all stores of a run; what does not fit goes to scratch
/// files in `folder`.
class MemoryBudget {
 public:
  /// `limit_bytes` < 0: no limit.
  MemoryBudget(int64_t limit_bytes, std::string folder);
  /// An uninitialised tensor [rows, columns]: in memory while the budget lasts (given back when the
  /// tensor dies), else a mapped scratch file. Throws Error(Io) when the disk is full.
  at::Tensor allocate(int64_t rows, int64_t columns, at::ScalarType dtype);
  int64_t in_memory_bytes() const;
  int64_t scratch_bytes() const;

 private:
  struct Account;
  std::shared_ptr<Account> account_;
};

}  // namespace mpq
