#pragma once
// Grids: scales and zero points or offsets per group, and rounding to them.
#include <ATen/core/Tensor.h>

#include <utility>

#include "mpq/quant/quantized_linear.h"

namespace mpq {

/// How a grid is chosen.
struct GridOptions {
  Encoding encoding;        // resolved
  bool shrink = false;      // of min/max ranges: the factor in 1, 0.99 .. 0.2 with the least sum
                            // |w - q|^2.4 (GPTQ's `mse` option)
  at::Tensor importance{};  // float32 [in]: weights of squared errors, as the Hessian's diagonal
};

/// `weight` float32 [out, in]. Whole numbers with float scales: the range [min(w, 0), max(w, 0)],
/// symmetric with a scale whose sign puts the extra level where the weights reach further; a
/// constant row is exact. All others: the scales (and offsets) of least weighted squared error, see
/// fit_grid(). Throws Error(Numeric) on non-finite weights.
Grid choose_grid(const at::Tensor& weight, const GridOptions& options, const std::string& where);
/// The grid of given ranges, [out, groups] each: low <= 0 <= high. As choose_grid(), but for
/// constant rows, and with scales that only Float codes store as they are: see store_scales().
Grid grid_of_range(const at::Tensor& low, const at::Tensor& high, const Encoding& encoding);
/// Least and greatest weight of every group, 0 included: [out, groups] each.
std::pair<at::Tensor, at::Tensor> group_ranges(const at::Tensor& weight, int64_t groups);

/// Groups where `keep`, bool [out, groups], have the first's scale, zero point and offset, the
/// others the second's. Codes of scales are not chosen: store_scales() makes them anew.
Grid choose_groups(const at::Tensor& keep, const Grid& first, const Grid& second);

/// Scales and offsets of least weighted squared error, group by group, not yet stored ones:
/// candidates around the group's range, each with its least-squares scale and offset.
Grid fit_grid(const at::Tensor& weight, const GridOptions& options);
/// The grid with scales and offsets as the encoding stores them, chosen anew around the given ones
/// by the least weighted error; Float codes come as they are.
Grid store_scales(const at::Tensor& weight, const Grid& grid, const GridOptions& options);

/// Round to nearest on the grid that choose_grid() gives.
QuantizedLinear round_to_nearest(const at::Tensor& weight, const GridOptions& options,
                                 const std::string& where);
/// Round to nearest on a given grid.
QuantizedLinear round_to_grid(const at::Tensor& weight, const Grid& grid, const Encoding& encoding);

/// The value as a dtype stores it, in float32.
at::Tensor stored_as(const at::Tensor& value, at::ScalarType dtype);

}  // namespace mpq
