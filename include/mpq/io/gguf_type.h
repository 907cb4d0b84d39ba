#pragma once
// The types of ggml: how a GGUF file stores the numbers of a tensor.
#include <cstdint>
#include <span>
#include <string_view>

namespace mpq {

/// A row is cut into blocks of `block_elements` numbers, each stored in `block_bytes` bytes.
struct GgufType {
  uint32_t id = 0;
  std::string_view name;  // ggml's, "Q4_K"
  int64_t block_elements = 1;
  int64_t block_bytes = 0;
  double bits_per_weight() const {
    return 8.0 * static_cast<double>(block_bytes) / static_cast<double>(block_elements);
  }
};

/// All that llama.cpp reads, by id.
std::span<const GgufType> gguf_types();
/// Null when there is no such type.
const GgufType* find_gguf_type(uint32_t id);
const GgufType* find_gguf_type(std::string_view name);

/// Bytes of a tensor with these dimensions, the contiguous one first; -1 when that one is no whole
/// number of blocks, a dimension is negative, or the bytes pass 2^63.
int64_t gguf_tensor_bytes(const GgufType& type, std::span<const int64_t> dims);

}  // namespace mpq
