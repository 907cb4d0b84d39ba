#pragma once
// Quantized linears of any encoding with random numbers, all of them exact.
#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "mpq/quant/quantized_linear.h"

namespace mpq {

inline at::Tensor rounded(const at::Tensor& value, at::ScalarType dtype) {
  return value.to(dtype).to(at::kFloat);
}

inline at::Tensor random_codes(int64_t low, int64_t high, int64_t rows, int64_t columns) {
  return at::randint(low, high + 1, {rows, columns}, at::kFloat);
}

inline Grid random_grid(const Encoding& encoding, int64_t out, int64_t groups) {
  const auto dtype = encoding.scale_dtype;
  const int64_t per_super = groups_of_super(encoding), top = top_code(encoding);
  const bool offsets = encoding.zero == Zero::Offset;
  const auto wide = [&](const at::Tensor& super) { return super.repeat_interleave(per_super, 1); };
  Grid grid;
  switch (encoding.scale) {
    case ScaleCode::Float:
      grid.scale = rounded(at::rand({out, groups}).add(0.01), dtype);
      if (encoding.symmetric() && encoding.element == Element::Int)
        grid.scale.mul_(random_codes(0, 1, out, groups).mul_(2).sub_(1));
      if (offsets) grid.offset = rounded(at::rand({out, groups}).neg(), dtype);
      break;
    case ScaleCode::E8M0:
      grid.scale = at::exp2(random_codes(-9, 3, out, groups));
      break;
    case ScaleCode::E4M3:
      grid.scale_code = rounded(at::rand({out, groups}).mul(448), at::kFloat8_e4m3fn);
      grid.super_scale = at::full({out, 1}, 1.0 / 2048);
      grid.scale = grid.super_scale.mul(grid.scale_code);
      break;
    case ScaleCode::Sub: {
      const int64_t half = int64_t{1} << (encoding.sub_bits - 1);
      grid.scale_code = offsets ? random_codes(0, 2 * half - 1, out, groups)
                                : random_codes(-half, half - 1, out, groups);
      grid.super_scale = rounded(at::rand({out, groups / per_super}), dtype);
      grid.scale = wide(grid.super_scale).mul_(grid.scale_code);
      if (!offsets) break;
      grid.offset_code = random_codes(0, 2 * half - 1, out, groups);
      grid.super_offset = rounded(at::rand({out, groups / per_super}), dtype);
      grid.offset = wide(grid.super_offset).neg_().mul_(grid.offset_code);
    }
  }
  if (encoding.element != Element::Int || offsets) return grid;
  if (encoding.zero == Zero::Middle) {
    grid.zero = at::full({out, groups}, static_cast<double>(1 << (encoding.bits - 1)));
  } else if (encoding.zero == Zero::Whole) {
    grid.zero = random_codes(0, top, out, groups);
  } else {
    grid.zero = rounded(at::rand({out, groups}).mul(static_cast<double>(top)), dtype);
  }
  return grid;
}

/// `encoding` is resolved; codes over their whole range.
inline QuantizedLinear random_linear(const Encoding& encoding, int64_t out, int64_t in) {
  QuantizedLinear linear;
  linear.encoding = encoding;
  if (!encoding.hybrid()) {
    linear.codes = at::randint(top_code(encoding) + 1, {out, in}, at::kByte);
    linear.grid = random_grid(encoding, out, group_count(encoding, in, "test"));
    return linear;
  }
  const auto shuffled = at::randperm(in, at::kLong);
  const int64_t low = in - high_channels(encoding, in);
  linear.order = at::cat({std::get<0>(shuffled.narrow(0, 0, low).sort()),
                          std::get<0>(shuffled.narrow(0, low, in - low).sort())});
  for (const auto& piece : pieces_of(encoding, in, "test"))
    linear.pieces.push_back(random_linear(piece.encoding, out, piece.columns));
  return linear;
}

/// Integers with scales in `dtype`.
inline Encoding integers_in(int bits, int group, bool symmetric, at::ScalarType dtype) {
  return resolved(integers(bits, group, symmetric), dtype);
}

/// Every width, symmetric and not, by groups and whole rows, all kinds of zero points, and what has
/// a name; unresolved.
inline std::vector<Encoding> every_encoding() {
  std::vector<Encoding> encodings = {parse_encoding("int:group=32,zero=offset"),
                                     parse_encoding("int:bits=3,group=64,zero=offset,scale=f32"),
                                     parse_encoding("int:bits=5,group=32,zero=real"),
                                     parse_encoding("int:bits=2,group=32,sym,scale=f32"),
                                     parse_encoding("int:bits=2,group=32,high=4,ratio=0.13"),
                                     parse_encoding("int:bits=3,group=0,sym,high=5,ratio=0.4")};
  for (const bool symmetric : {false, true}) {
    for (int bits = 2; bits <= 8; ++bits) {
      for (const int group : {32, 128, 0}) encodings.push_back(integers(bits, group, symmetric));
    }
  }
  for (const auto& [name, encoding] : named_encodings()) encodings.push_back(encoding);
  return encodings;
}

}  // namespace mpq
