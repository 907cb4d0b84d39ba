// Blocks to float32 rows, in ggml's order of operations.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/util/Half.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "layout.h"
#include "mpq/core/error.h"
#include "mpq/format/gguf_blocks.h"
#include "types.h"

namespace mpq {
namespace {

float half_at(const uint8_t* bytes) {
  uint16_t bits = 0;
  std::memcpy(&bits, bytes, sizeof(bits));
  return c10::Half(bits, c10::Half::from_bits());
}

void unpack_block(const Layout& layout, int columns, const uint8_t* block, float* to) {
  std::array<uint8_t, 256> codes{};
  std::array<uint8_t, 32> group_codes{};
  if (layout.ternary) {
    read_ternary(block, codes.data());
  } else {
    read_fields(layout.codes, block, codes.data());
  }
  read_fields(layout.group_codes, block, group_codes.data());
  const float block_scale = layout.scale_byte < 0 ? 1 : half_at(block + layout.scale_byte);
  const float block_offset = layout.offset_byte < 0 ? 0 : half_at(block + layout.offset_byte);
  const int groups = std::max(layout.groups, 1), width = columns / groups;
  const auto group_level = [&](int i) {
    return layout.group_levels[group_codes[static_cast<size_t>(i)]];
  };
  for (int g = 0; g < groups; ++g, to += width) {
    const float scale = layout.groups == 0 ? block_scale : block_scale * group_level(g);
    const uint8_t* code = codes.data() + g * width;
    for (int i = 0; i < width; ++i) to[i] = scale * layout.levels[code[i]];
    if (layout.offset_byte < 0) continue;
    // In a loop of its own, so that no compiler fuses it with the product.
    const float offset =
        layout.groups == 0 ? block_offset : -(block_offset * group_level(groups + g));
    for (int i = 0; i < width; ++i) to[i] += offset;
  }
}

at::Tensor unpack_plain(at::ScalarType dtype, std::span<const std::byte> bytes,
                        at::IntArrayRef shape) {
  const at::Tensor stored = at::empty(shape, dtype);
  std::memcpy(stored.mutable_data_ptr(), bytes.data(), bytes.size());
  return stored.to(at::kFloat);
}

void require_rows(const GgmlType& type, std::span<const std::byte> bytes, int64_t rows,
                  int64_t row_bytes) {
  const auto size = static_cast<int64_t>(bytes.size());
  require(rows > 0 && size / row_bytes == rows && size % row_bytes == 0, ErrorCode::Format,
          "{}: expected {} rows of {} bytes, found {} bytes", type.name, rows, row_bytes, size);
}

}  // namespace

at::Tensor unpack_gguf_rows(uint32_t type, std::span<const std::byte> bytes, int64_t rows,
                            int64_t columns) {
  const GgmlType& known = ggml_type(type);
  const int64_t row_bytes = gguf_row_bytes(type, columns);
  require_rows(known, bytes, rows, row_bytes);
  for (const auto dtype : {at::kFloat, at::kHalf, at::kBFloat16}) {
    if (gguf_type(dtype) == type) return unpack_plain(dtype, bytes, {rows, columns});
  }
  const Layout* layout = layout_of(known.name);
  require(layout != nullptr, ErrorCode::Unsupported,
          "mpq does not read tensors of ggml type {}; requantize the model to another type",
          known.name);
  at::Tensor values = at::empty({rows, columns});
  const auto* from = reinterpret_cast<const uint8_t*>(bytes.data());
  auto* to = values.mutable_data_ptr<float>();
  at::parallel_for(0, rows, kRowsPerTask, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const uint8_t* block = from + r * row_bytes;
      for (int64_t c = 0; c < columns; c += known.columns, block += known.bytes) {
        unpack_block(*layout, known.columns, block, to + r * columns + c);
      }
    }
  });
  return values;
}

}  // namespace mpq
