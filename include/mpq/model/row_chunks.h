#pragma once
// Element-wise work on many rows.
#include <ATen/core/Tensor.h>

#include <functional>

namespace mpq {

/// [rows, width] of `options`, made chunk by chunk and in parallel: what lies between stays in a
/// core's cache, and threads meet once, not after every operation. `make` gives rows [first, first
/// + count), of any dtype, without gradients; with gradients enabled it is called once, for all.
at::Tensor by_row_chunks(int64_t rows, int64_t width, const at::TensorOptions& options,
                         const std::function<at::Tensor(int64_t first, int64_t count)>& make);

}  // namespace mpq
