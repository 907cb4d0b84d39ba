#pragma once
// The one internal form of a quantized linear; formats only re-lay it.
#include <ATen/core/Tensor.h>

#include <array>
#include <vector>

#include "mpq/quant/encoding.h"

namespace mpq {

/// What stands beside the codes: scales and zero points, all [out, groups] float32 unless said.
struct Grid {
  at::Tensor scale;     // as it multiplies; in Int Middle grids it may be negative
  at::Tensor zero{};    // Zero::Middle, Whole, Real: whole numbers in [0, 2^bits - 1] unless Real
  at::Tensor offset{};  // Zero::Offset
  /// Of ScaleCode::Sub and E4M3: scale = super_scale scale_code, offset = -super_offset
  /// offset_code, exactly so in float32. The codes are whole numbers, of E4M3 its values.
  at::Tensor scale_code{}, offset_code{};
  at::Tensor super_scale{}, super_offset{};  // [out, in / super_group]; of E4M3 [out, 1], all equal
};

/// Rows of a linear or of several stacked linears that share their input.
struct QuantizedLinear {
  Encoding encoding;
  at::Tensor codes;  // uint8 [out, in], at most top_code()
  Grid grid;
  /// float32 [in] s, undefined for none: codes hold W diag(s), to be read with inputs x / s. A
  /// format folds 1 / s into what produces x.
  at::Tensor input_scale{};
  /// Of a hybrid, which has no codes of its own: plain linears side by side along the inputs, as
  /// pieces_of() says, and int64 [in], the original channel at each of their positions.
  std::vector<QuantizedLinear> pieces{};
  at::Tensor order{};

  int64_t out() const { return (pieces.empty() ? codes : pieces.front().codes).size(0); }
  int64_t in() const { return pieces.empty() ? codes.size(1) : order.size(0); }
};

/// All tensors of a grid, those that the encoding does not have undefined.
std::array<at::Tensor*, 7> tensors_of(Grid& grid);

/// float32 [out, in], for the inputs as they were before any input_scale.
at::Tensor dequantize(const QuantizedLinear& linear);
/// The rows [begin, begin + count) of a stacked linear; shares storage.
QuantizedLinear slice_rows(const QuantizedLinear& linear, int64_t begin, int64_t count);
/// The rows of an index, int64 [rows]; a copy.
QuantizedLinear select_rows(const QuantizedLinear& linear, const at::Tensor& index);
/// Rows where `keep`, bool [out, 1], are the first's, the others the second's; of one encoding.
QuantizedLinear choose_rows(const at::Tensor& keep, const QuantizedLinear& first,
                            const QuantizedLinear& second);
/// Throws Error(Internal) when shapes, dtypes or code ranges disagree with the encoding.
void validate(const QuantizedLinear& linear, const std::string& where);

}  // namespace mpq
