#pragma once
// The bytes of ggml's types, as tensors of a GGUF file hold them: rows of blocks.
#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "mpq/quant/quantized_linear.h"

namespace mpq {

/// Lower case, as "q4_k" or "bf16". Throws Error(Unsupported) for a number that is no type of ggml.
std::string gguf_type_name(uint32_t type);
/// The encoding whose numbers a type holds exactly; full_precision() for F32, F16 and BF16.
std::optional<Encoding> gguf_encoding(uint32_t type);
/// The type of an encoding that is not plain. Throws Error(Unsupported) when GGUF has none.
uint32_t gguf_type(const Encoding& encoding);
/// The type of plain numbers: float32, float16 or bfloat16. Throws Error(Unsupported).
uint32_t gguf_type(at::ScalarType dtype);

/// Columns of a block; a row is whole blocks. Throws as gguf_type_name() does.
int64_t gguf_block_columns(uint32_t type);
/// Bytes of a row, of types that unpack_gguf_rows() does not read too. Throws Error(Format) when
/// the row is not whole blocks, and as gguf_type_name() does.
int64_t gguf_row_bytes(uint32_t type, int64_t columns);
/// The same; two bytes a number when plain.
int64_t gguf_row_bytes(const Encoding& encoding, int64_t columns);

/// Writes out x gguf_row_bytes(encoding, in) bytes. Exact: throws Error(Internal) naming the
/// encoding where a scale, offset or code is no number that a block holds. What stands beside the
/// blocks is the caller's: `input_scale`, and the one `super_scale` of nvfp4, which llama.cpp
/// multiplies in from a float32 tensor [1] of the weight's name that ends in ".scale".
void pack_gguf_rows(const QuantizedLinear& rows, std::byte* to);
/// float32 [rows, columns], bit for bit what gguf.quants.dequantize() gives (of scales that MX and
/// E4M3 define); of nvfp4 without its tensor's ".scale". Throws Error(Format) when the bytes are
/// not so many rows, Error(Unsupported) naming a type that mpq does not read (IQ1, IQ2, IQ3, Q8_1,
/// Q8_K).
at::Tensor unpack_gguf_rows(uint32_t type, std::span<const std::byte> bytes, int64_t rows,
                            int64_t columns);

}  // namespace mpq
