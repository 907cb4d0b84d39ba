#pragma once
// A^T B of bfloat16 matrices, summed in float32: four times the float32 rate where the processor
// has it.
#include <ATen/core/Tensor.h>

namespace mpq {

/// Whether this processor and this libtorch have it.
bool has_bf16_product();
/// sum += a^T b; `a` [k, m] and `b` [k, n] bfloat16, `sum` [m, n] float32, all in host memory with
/// unit column stride. Only where has_bf16_product().
void add_transposed_product(const at::Tensor& a, const at::Tensor& b, at::Tensor& sum);

}  // namespace mpq
