// Min/max and shrink-search grids.
#include "mpq/quant/grid.h"

#include <ATen/ATen.h>

#include "mpq/core/error.h"

namespace mpq {
namespace {

at::Tensor stored(const at::Tensor& scale, at::ScalarType dtype) {
  return dtype == at::kFloat ? scale : scale.to(dtype).to(at::kFloat);
}

at::Tensor rounded(const at::Tensor& grouped, const Grid& grid, double top) {
  return at::round(grouped / grid.scale.unsqueeze(2)).add_(grid.zero.unsqueeze(2)).clamp_(0, top);
}

at::Tensor shrink_loss(const at::Tensor& grouped, const Grid& grid, double top) {
  auto error = rounded(grouped, grid, top);
  error.sub_(grid.zero.unsqueeze(2)).mul_(grid.scale.unsqueeze(2)).sub_(grouped);
  return error.abs_().pow_(2.4).sum(2);
}

/// Where every weight of a group is one value, a scale that puts it exactly on the grid.
void fit_constant_groups(const at::Tensor& low, const at::Tensor& high, const at::Tensor& minimum,
                         const at::Tensor& maximum, const GridOptions& options, Grid& grid) {
  const auto constant = minimum == maximum;
  if (!constant.any().item<bool>()) return;
  const double middle = static_cast<double>(1 << (options.scheme.bits - 1));
  const auto magnitude = at::maximum(high, -low);
  // The stored value is one step from zero: as a float of the scale's dtype it is as exact as can
  // be.
  auto scale = stored(magnitude, options.scale_dtype);
  scale.masked_fill_(scale <= 0, 1.0);
  grid.scale = at::where(constant, scale, grid.scale);
  grid.zero = at::where(constant, at::full_like(grid.zero, middle), grid.zero);
}

}  // namespace

Grid grid_of_range(const at::Tensor& low, const at::Tensor& high, const GridOptions& options) {
  const double top = static_cast<double>((1 << options.scheme.bits) - 1);
  Grid grid;
  if (options.scheme.symmetric) {
    // The sign of the scale gives the level that one side has more to the side that reaches
    // further; the smallest scale that leaves no weight more than half a step off the grid.
    const double middle = static_cast<double>(1 << (options.scheme.bits - 1));
    const auto negative = high > -low;
    const auto far = at::maximum(high, -low);
    const auto near = at::minimum(high, -low);
    const auto size = at::maximum(far / (middle + 0.5), near / (middle - 0.5));
    grid.scale = stored(at::where(negative, -size, size), options.scale_dtype);
    grid.zero = at::full_like(grid.scale, middle);
  } else {
    grid.scale = stored((high - low) / top, options.scale_dtype);
    grid.zero = at::round(-low / at::where(grid.scale > 0, grid.scale, 1.0)).clamp_(0, top);
  }
  grid.scale.masked_fill_(grid.scale == 0, 1.0);
  return grid;
}

std::pair<at::Tensor, at::Tensor> group_ranges(const at::Tensor& weight, int64_t groups) {
  const auto grouped = weight.reshape({weight.size(0), groups, weight.size(1) / groups});
  return {std::get<0>(grouped.min(2)).clamp_max(0), std::get<0>(grouped.max(2)).clamp_min(0)};
}

Grid choose_grid(const at::Tensor& weight, const GridOptions& options, const std::string& where) {
  require(at::isfinite(weight).all().item<bool>(), ErrorCode::Numeric,
          "{}: the weights hold inf or NaN; the checkpoint is damaged or overflowed", where);
  const auto groups = group_count(options.scheme, weight.size(1), where);
  const auto grouped = weight.reshape({weight.size(0), groups, weight.size(1) / groups});
  const auto minimum = std::get<0>(grouped.min(2));
  const auto maximum = std::get<0>(grouped.max(2));
  const auto low = minimum.clamp_max(0);
  const auto high = maximum.clamp_min(0);
  Grid best = grid_of_range(low, high, options);
  if (options.shrink) {
    const double top = static_cast<double>((1 << options.scheme.bits) - 1);
    auto least = shrink_loss(grouped, best, top);
    for (int percent = 99; percent > 20; --percent) {
      const double factor = percent / 100.0;
      const Grid tried = grid_of_range(low * factor, high * factor, options);
      const auto loss = shrink_loss(grouped, tried, top);
      const auto better = loss < least;
      least = at::where(better, loss, least);
      best.scale = at::where(better, tried.scale, best.scale);
      best.zero = at::where(better, tried.zero, best.zero);
    }
  }
  fit_constant_groups(low, high, minimum, maximum, options, best);
  return best;
}

QuantizedLinear round_to_grid(const at::Tensor& weight, const Grid& grid, const Scheme& scheme) {
  const auto groups = grid.scale.size(1);
  const auto grouped = weight.reshape({weight.size(0), groups, weight.size(1) / groups});
  const double top = static_cast<double>((1 << scheme.bits) - 1);
  return {scheme, rounded(grouped, grid, top).to(at::kByte).view(weight.sizes()), grid.scale,
          grid.zero.to(at::kByte)};
}

QuantizedLinear round_to_nearest(const at::Tensor& weight, const GridOptions& options,
                                 const std::string& where) {
  return round_to_grid(weight, choose_grid(weight, options, where), options.scheme);
}

}  // namespace mpq
