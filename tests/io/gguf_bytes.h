#pragma once
// A small GGUF file put together byte by byte, whole or damaged.
#include <cstdint>
#include <string>

namespace mpq {

/// What the file claims; the defaults are right.
struct GgufFields {
  std::string magic = "GGUF";
  uint32_t version = 3;
  uint64_t tensors = 2, entries = 2;
  uint64_t key_size = 5;      // of "a.key"
  uint32_t value_type = 9;    // an array
  uint32_t element_type = 5;  // of i32
  uint64_t elements = 2;
  std::string second_key = "general.alignment";
  uint32_t second_type = 4;  // u32
  uint32_t alignment = 32;
  std::string first_name = "blk.0.attn_q.weight";
  uint32_t dims_count = 2;
  uint64_t row = 64, rows = 3;
  uint32_t type = 8;  // Q8_0
  uint64_t offset = 0;
  std::string second_name = "output_norm.weight";
  uint64_t second_offset = 224;  // 3 x 68 bytes, padded
  size_t data = 224 + 16;
};
std::string gguf_bytes(const GgufFields& fields);

}  // namespace mpq
