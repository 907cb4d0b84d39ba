#pragma once
// Matrices of small codes as rows (or columns) of 32-bit words, the layout of checkpoints and
// parts.
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace mpq {

/// uint8 [rows, columns] to int32 [rows, ceil(columns bits / 32)].
at::Tensor pack_rows(const at::Tensor& codes, int bits);
/// The inverse; `packed` must have the shape that pack_rows gives for `columns`.
at::Tensor unpack_rows(const at::Tensor& packed, int bits, int64_t columns);
/// uint8 [rows, columns] to int32 [ceil(rows columns bits / 32)]: one bitstream of all rows.
at::Tensor pack_stream(const at::Tensor& codes, int bits);
at::Tensor unpack_stream(const at::Tensor& packed, int bits, int64_t rows, int64_t columns);
int64_t stream_words(int64_t rows, int64_t columns, int bits);
/// uint8 [rows, columns] to int32 [ceil(rows bits / 32), columns]: every column is a bitstream.
at::Tensor pack_columns(const at::Tensor& codes, int bits);
at::Tensor unpack_columns(const at::Tensor& packed, int bits, int64_t rows);

}  // namespace mpq
