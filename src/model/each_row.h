#pragma once
// Rows over the threads of libtorch.
#include <ATen/Parallel.h>

namespace mpq {

/// visit(row) for each row, `of_task` or more of them one after the other.
template <class Visit>
void each_row(int64_t rows, int64_t of_task, Visit visit) {
  at::parallel_for(0, rows, of_task, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) visit(row);
  });
}

}  // namespace mpq
