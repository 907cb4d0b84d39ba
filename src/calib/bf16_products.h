#pragma once
// Products over rows of bfloat16, summed in float32 by the processor's matrix unit (AMX) or pair
// products (AVX512-BF16): libraries turn the left factor first, which takes as long again.
#include <ATen/core/Tensor.h>

namespace mpq {

/// Whether this processor has the instructions; always false when not compiled for x86-64.
bool has_bf16_products();
/// sum += x^T x, at least its upper triangle (tiles across the diagonal are done whole). `x` [rows,
/// in] bfloat16, contiguous rows, in host memory; `sum` [in, in] contiguous float32. Products of
/// bfloat16 values are exact in float32. Only where has_bf16_products().
void add_bf16_gram(const at::Tensor& x, at::Tensor& sum);
/// sum += left^T right, all of it, of two matrices of as many rows each.
void add_bf16_product(const at::Tensor& left, const at::Tensor& right, at::Tensor& sum);

}  // namespace mpq
