#pragma once
// Uniform grids: scale and integer zero point per group, and rounding to them.
#include <ATen/core/Tensor.h>

#include "mpq/quant/quantized_linear.h"

namespace mpq {

/// How a grid is chosen. `shrink`: instead of min/max, the range factor in 1, 0.99 .. 0.2 with the
/// least sum |w - q|^2.4 (GPTQ's `mse` option).
struct GridOptions {
  Scheme scheme;
  bool shrink = false;
  at::ScalarType scale_dtype = at::kFloat;
};

struct Grid {
  at::Tensor scale;  // float32 [out, groups], not 0; negative only in symmetric grids
  at::Tensor zero;   // float32 [out, groups], whole numbers in [0, 2^bits - 1]
};

/// `weight` float32 [out, in]. Asymmetric: the range [min(w, 0), max(w, 0)]. Symmetric: zero
/// 2^(b-1), and a scale whose sign puts the extra level where the weights reach further, so that
/// little is lost to an asymmetric grid and no zero points are stored. A constant row is exact: its
/// scale is chosen so that the value is on the grid. Throws Error(Numeric) on non-finite weights.
Grid choose_grid(const at::Tensor& weight, const GridOptions& options, const std::string& where);
/// The grid of given ranges, [out, groups] each: low <= 0 <= high. As choose_grid(), but for
/// constant rows.
Grid grid_of_range(const at::Tensor& low, const at::Tensor& high, const GridOptions& options);
/// Least and greatest weight of every group, 0 included: [out, groups] each.
std::pair<at::Tensor, at::Tensor> group_ranges(const at::Tensor& weight, int64_t groups);
/// Round to nearest on the grid that choose_grid() gives.
QuantizedLinear round_to_nearest(const at::Tensor& weight, const GridOptions& options,
                                 const std::string& where);
/// Round to nearest on a given grid.
QuantizedLinear round_to_grid(const at::Tensor& weight, const Grid& grid, const Scheme& scheme);

}  // namespace mpq
