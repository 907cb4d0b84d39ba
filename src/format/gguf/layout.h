#pragma once
// What a block of a quantized type holds, and where.
#include <cstdint>
#include <string>
#include <vector>

#include "fields.h"

namespace mpq {

/// A weight is scale level + offset. The scale is the float16 number of the block, times its
/// group's scale code where the groups have codes; then offset = -(float16 number) (offset code).
struct Layout {
  std::vector<Field> codes{};
  std::vector<float> levels{};  // of the codes
  int scale_byte = -1;          // of the float16 numbers; -1: none
  int offset_byte = -1;
  int groups = 0;  // that have codes of their own
  /// Of the scale codes, then the offset codes.
  std::vector<Field> group_codes{};
  std::vector<float> group_levels{};
  bool ternary = false;  // codes are read by read_ternary()
  /// mpq's levels are the negatives of these; a scale with the other sign makes up for it.
  bool negative = false;
};

constexpr int64_t kRowsPerTask = 4;  // of packing and unpacking

/// Null for a type that has none: plain numbers, and what mpq does not read.
const Layout* layout_of(const std::string& type_name);

}  // namespace mpq
