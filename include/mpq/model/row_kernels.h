#pragma once
// What a block does to rows between its products, in one pass each: operation by operation it took
// as long as the products of a small model. All are for rows on the CPU, without gradients.
#include <ATen/core/Tensor.h>

namespace mpq {

/// Whether rows are such as these kernels take: of `dtype`, on the CPU, and no gradients wanted.
bool takes_row_kernels(const at::Tensor& rows, at::ScalarType dtype);

/// x / sqrt(mean(x^2) + eps) (weight + plus) by row: float32 [rows, width] to `dtype`, float32 or
/// bfloat16; weight float32 [width].
at::Tensor rms_normalised(const at::Tensor& x, const at::Tensor& weight, double eps, double plus,
                          at::ScalarType dtype);
/// stream + scale update: [rows, width]. One pass where they are float32 and bfloat16; ATen's
/// otherwise, for any rows.
at::Tensor added(const at::Tensor& stream, const at::Tensor& update, double scale);
/// silu(gate) up, computed in float32: bfloat16 [rows, width], gate and up alike.
at::Tensor silu_product(const at::Tensor& gate, const at::Tensor& up);
/// a - b in bfloat16: both float32 or both bfloat16 [rows, width].
at::Tensor difference(const at::Tensor& a, const at::Tensor& b);
/// Heads turned by position: bfloat16 [count * length, heads * width] to [count, heads, length,
/// width]; cos and sin float32 [length, dim], halves side by side, of the first dim channels.
at::Tensor rotated_heads(const at::Tensor& rows, int64_t length, int64_t heads,
                         const at::Tensor& cos, const at::Tensor& sin);

}  // namespace mpq
