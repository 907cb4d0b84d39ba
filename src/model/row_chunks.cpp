// Chunks of rows, over the threads of libtorch.
#include "mpq/model/row_chunks.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <algorithm>

namespace mpq {
namespace {

constexpr int64_t kRows = 64;  // rows of some thousand channels: a part of the second cache

}  // namespace

at::Tensor by_row_chunks(int64_t rows, int64_t width, const at::TensorOptions& options,
                         const std::function<at::Tensor(int64_t first, int64_t count)>& make) {
  if (c10::GradMode::is_enabled() || rows <= kRows)
    return make(0, rows).to(options.dtype()).view({rows, width});
  at::Tensor result = at::empty({rows, width}, options);
  at::parallel_for(0, (rows + kRows - 1) / kRows, 1, [&](int64_t begin, int64_t end) {
    const c10::NoGradGuard no_gradients;  // other threads have a mode of their own
    for (int64_t first = begin * kRows; first < std::min(end * kRows, rows); first += kRows) {
      const int64_t count = std::min(kRows, rows - first);
      result.narrow(0, first, count).copy_(make(first, count));
    }
  });
  return result;
}

}  // namespace mpq
