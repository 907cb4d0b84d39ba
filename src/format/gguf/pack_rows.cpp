// Rows of codes and grids to blocks, nothing rounded.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/util/Half.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "layout.h"
#include "mpq/core/error.h"
#include "mpq/format/gguf_blocks.h"
#include "types.h"

namespace mpq {
namespace {

/// The code of a level.
class CodeOf {
 public:
  CodeOf(const std::vector<float>& levels, std::string what) : what_(std::move(what)) {
    for (size_t i = 0; i < levels.size(); ++i) {
      if (!std::isnan(levels[i])) codes_.emplace_back(levels[i], static_cast<uint8_t>(i));
    }
    std::sort(codes_.begin(), codes_.end());
  }
  /// The least code where two have this level. Throws Error(Internal) when none has.
  uint8_t operator()(float level) const {
    const auto found =
        std::lower_bound(codes_.begin(), codes_.end(), level,
                         [](const auto& known, float wanted) { return known.first < wanted; });
    require(found != codes_.end() && found->first == level, ErrorCode::Internal,
            "{}: a block cannot hold {}", what_, level);
    return found->second;
  }

 private:
  std::string what_;
  std::vector<std::pair<float, uint8_t>> codes_;
};

/// ggml's codes for mpq's.
std::vector<uint8_t> code_map(const Encoding& encoding, const Layout& layout,
                              const std::string& name) {
  const CodeOf code_of(layout.levels, name + ": codes");
  const auto& levels = level_table(encoding.element);
  const int middle = encoding.zero == Zero::Middle ? middle_code(encoding) : 0;
  std::vector<uint8_t> map;
  for (int code = 0; code <= top_code(encoding); ++code) {
    const float level =
        levels.empty() ? static_cast<float>(code - middle) : levels[static_cast<size_t>(code)];
    map.push_back(code_of(layout.negative ? -level : level));
  }
  return map;
}

/// A float32 tensor [rows, row_numbers]; null data where the encoding has none.
struct Numbers {
  at::Tensor tensor;
  const float* data = nullptr;
  int64_t a_row = 0;

  Numbers() = default;
  Numbers(const at::Tensor& grid, int64_t rows, int64_t row_numbers, const std::string& name)
      : a_row(row_numbers) {
    require(grid.defined() && grid.scalar_type() == at::kFloat && grid.dim() == 2 &&
                grid.size(0) == rows && grid.size(1) == row_numbers,
            ErrorCode::Internal, "{}: expected a grid of float32 [{}, {}]", name, rows,
            row_numbers);
    tensor = grid.cpu().contiguous();
    data = tensor.const_data_ptr<float>();
  }
  const float* row(int64_t r) const { return data + r * a_row; }
};

class RowPacker {
 public:
  RowPacker(const QuantizedLinear& rows, const GgmlType& type, const Layout& layout)
      : type_(type),
        layout_(layout),
        map_(code_map(rows.encoding, layout, type.name)),
        group_code_of_(layout.group_levels, type.name + ": scale or offset codes"),
        codes_(rows.codes.cpu().contiguous()),
        blocks_(rows.in() / type.columns) {
    const Grid& grid = rows.grid;
    const auto numbers = [&](const at::Tensor& tensor, int64_t a_row) {
      return Numbers(tensor, rows.out(), a_row, type.name);
    };
    const int64_t groups = blocks_ * layout.groups;
    const bool coded = rows.encoding.scale == ScaleCode::Sub;
    if (layout.scale_byte >= 0) scale_ = numbers(coded ? grid.super_scale : grid.scale, blocks_);
    if (layout.offset_byte >= 0) {
      offset_ = numbers(coded ? grid.super_offset : grid.offset, blocks_);
    }
    if (layout.groups == 0) return;
    scale_code_ =
        numbers(rows.encoding.scale == ScaleCode::E8M0 ? grid.scale : grid.scale_code, groups);
    if (layout.offset_byte >= 0) offset_code_ = numbers(grid.offset_code, groups);
  }

  void pack(int64_t row, uint8_t* to) const {
    const uint8_t* codes = codes_.const_data_ptr<uint8_t>() + row * codes_.size(1);
    for (int64_t b = 0; b < blocks_; ++b, codes += type_.columns, to += type_.bytes) {
      std::fill_n(to, type_.bytes, uint8_t{0});
      pack_codes(codes, to);
      if (scale_.data != nullptr) {
        const float scale = scale_.row(row)[b];
        write_half(layout_.negative ? -scale : scale, to + layout_.scale_byte);
      }
      if (offset_.data != nullptr) write_half(offset_.row(row)[b], to + layout_.offset_byte);
      pack_group_codes(row, b, to);
    }
  }

 private:
  void pack_codes(const uint8_t* codes, uint8_t* block) const {
    std::array<uint8_t, 256> stored{};
    for (int i = 0; i < type_.columns; ++i) {
      require(codes[i] < map_.size(), ErrorCode::Internal, "{}: found code {}, expected at most {}",
              type_.name, codes[i], map_.size() - 1);
      stored[static_cast<size_t>(i)] = map_[codes[i]];
    }
    write_fields(layout_.codes, stored.data(), block);
  }

  void pack_group_codes(int64_t row, int64_t b, uint8_t* block) const {
    std::array<uint8_t, 32> stored{};
    for (int g = 0; g < layout_.groups; ++g) {
      const int64_t group = b * layout_.groups + g;
      stored[static_cast<size_t>(g)] = group_code_of_(scale_code_.row(row)[group]);
      if (offset_code_.data == nullptr) continue;
      stored[static_cast<size_t>(layout_.groups + g)] =
          group_code_of_(offset_code_.row(row)[group]);
    }
    write_fields(layout_.group_codes, stored.data(), block);
  }

  void write_half(float value, uint8_t* to) const {
    const c10::Half half = value;
    require(std::isfinite(value) && static_cast<float>(half) == value, ErrorCode::Internal,
            "{}: the scale or offset {} is no float16 number", type_.name, value);
    std::memcpy(to, &half.x, sizeof(half.x));
  }

  const GgmlType& type_;
  const Layout& layout_;
  std::vector<uint8_t> map_;
  CodeOf group_code_of_;
  at::Tensor codes_;
  int64_t blocks_;
  Numbers scale_, offset_, scale_code_, offset_code_;
};

}  // namespace

void pack_gguf_rows(const QuantizedLinear& rows, std::byte* to) {
  const GgmlType& type = ggml_type(gguf_type(rows.encoding));
  const Layout* layout = layout_of(type.name);
  require(layout != nullptr && rows.codes.dim() == 2 && rows.codes.scalar_type() == at::kByte,
          ErrorCode::Internal, "{}: expected rows of uint8 codes", type.name);
  const int64_t row_bytes = gguf_row_bytes(type.id, rows.in());
  const RowPacker packer(rows, type, *layout);
  auto* bytes = reinterpret_cast<uint8_t*>(to);
  at::parallel_for(0, rows.out(), kRowsPerTask, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) packer.pack(r, bytes + r * row_bytes);
  });
}

}  // namespace mpq
