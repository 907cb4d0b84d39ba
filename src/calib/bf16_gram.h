#pragma once
// X^T X of bfloat16 rows, summed in float32 by the processor's pair products (AVX512-BF16).
#include <ATen/core/Tensor.h>

namespace mpq {

/// Whether this processor has the instructions; always false when not compiled for x86-64.
bool has_bf16_gram();
/// sum += x^T x, at least its upper triangle (tiles across the diagonal are done whole). `x` [rows,
/// in] bfloat16, contiguous rows, in host memory; `sum` [in, in] contiguous float32. Products of
/// bfloat16 values are exact in float32. Only where has_bf16_gram().
void add_bf16_gram(const at::Tensor& x, at::Tensor& sum);

}  // namespace mpq
