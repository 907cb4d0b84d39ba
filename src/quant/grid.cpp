// Min/max and shrink-search grids.
#include "mpq/quant/grid.h"

#include <ATen/ATen.h>

#include <cmath>

#include "mpq/core/error.h"
#include "mpq/quant/rounder.h"

namespace mpq {
namespace {

at::Tensor shrink_loss(const at::Tensor& grouped, const Grid& grid, const Rounder& rounder) {
  return (rounder.values(rounder.codes(grouped, grid), grid) - grouped).abs_().pow_(2.4).sum(2);
}

/// Where every weight of a group is one value, a scale that puts it exactly on the grid.
void fit_constant_groups(const at::Tensor& low, const at::Tensor& high, const at::Tensor& minimum,
                         const at::Tensor& maximum, const Encoding& encoding, Grid& grid) {
  const auto constant = minimum == maximum;
  if (!constant.any().item<bool>()) return;
  const auto magnitude = at::maximum(high, -low);
  // The stored value is one step from zero: as a float of the scale's dtype it is as exact as can
  // be.
  auto scale = stored_as(magnitude, encoding.scale_dtype);
  scale.masked_fill_(scale <= 0, 1.0);
  grid.scale = at::where(constant, scale, grid.scale);
  grid.zero = at::where(constant, at::full_like(grid.zero, middle_code(encoding)), grid.zero);
}

/// The sign of the scale gives the levels that one side has more to the side that reaches further;
/// the smallest scale that leaves no weight more than half a step off the grid.
at::Tensor symmetric_scale(const at::Tensor& low, const at::Tensor& high,
                           const Encoding& encoding) {
  const auto& levels = level_table(encoding.element);
  const double middle = middle_code(encoding);
  const double far_reach = levels.empty() ? middle + 0.5 : -levels.front();
  const double near_reach = levels.empty() ? middle - 0.5 : levels.back();
  const auto far = at::maximum(high, -low);
  const auto size = at::maximum(far / far_reach, at::minimum(high, -low) / near_reach);
  return far_reach == near_reach ? size : at::where(high > -low, -size, size);
}

}  // namespace

at::Tensor stored_as(const at::Tensor& value, at::ScalarType dtype) {
  return dtype == at::kFloat ? value : value.to(dtype).to(at::kFloat);
}

Grid choose_groups(const at::Tensor& keep, const Grid& first, const Grid& second) {
  const auto choose = [&](const at::Tensor& a, const at::Tensor& b) {
    return a.defined() ? at::where(keep, a, b) : a;
  };
  return {choose(first.scale, second.scale), choose(first.zero, second.zero),
          choose(first.offset, second.offset)};
}

Grid grid_of_range(const at::Tensor& low, const at::Tensor& high, const Encoding& encoding) {
  const double top = top_code(encoding);
  const auto stored = [&](const at::Tensor& value) {
    return encoding.scale == ScaleCode::Float ? stored_as(value, encoding.scale_dtype) : value;
  };
  Grid grid;
  if (encoding.symmetric()) {
    grid.scale = stored(symmetric_scale(low, high, encoding));
    if (encoding.element == Element::Int)
      grid.zero = at::full_like(grid.scale, middle_code(encoding));
  } else {
    grid.scale = stored((high - low) / top);
    if (encoding.has_offset()) {
      grid.offset = stored(low);
    } else {
      grid.zero = at::round(-low / at::where(grid.scale > 0, grid.scale, 1.0)).clamp_(0, top);
    }
  }
  grid.scale.masked_fill_(grid.scale == 0, 1.0);
  return grid;
}

std::pair<at::Tensor, at::Tensor> group_ranges(const at::Tensor& weight, int64_t groups) {
  const auto grouped = by_group(weight, groups);
  return {std::get<0>(grouped.min(2)).clamp_max(0), std::get<0>(grouped.max(2)).clamp_min(0)};
}

Grid choose_grid(const at::Tensor& weight, const GridOptions& options, const std::string& where) {
  require(at::isfinite(weight).all().item<bool>(), ErrorCode::Numeric,
          "{}: the weights hold inf or NaN; the checkpoint is damaged or overflowed", where);
  const Encoding& encoding = options.encoding;
  const auto groups = group_count(encoding, weight.size(1), where);
  if (!encoding.uniform() || encoding.has_offset())
    return store_scales(weight, fit_grid(weight, options), options);
  const auto grouped = by_group(weight, groups);
  const auto minimum = std::get<0>(grouped.min(2));
  const auto maximum = std::get<0>(grouped.max(2));
  const auto low = minimum.clamp_max(0);
  const auto high = maximum.clamp_min(0);
  Grid best = grid_of_range(low, high, encoding);
  if (options.shrink) {
    const Rounder rounder(encoding);
    auto least = shrink_loss(grouped, best, rounder);
    for (int percent = 99; percent > 20; --percent) {
      const double factor = percent / 100.0;
      const Grid tried = grid_of_range(low * factor, high * factor, encoding);
      const auto loss = shrink_loss(grouped, tried, rounder);
      const auto better = loss < least;
      least = at::where(better, loss, least);
      best = choose_groups(better, tried, best);
    }
  }
  fit_constant_groups(low, high, minimum, maximum, encoding, best);
  return best;
}

QuantizedLinear round_to_grid(const at::Tensor& weight, const Grid& grid,
                              const Encoding& encoding) {
  const auto codes = Rounder(encoding).codes(by_group(weight, grid.scale.size(1)), grid);
  return {encoding, codes.to(at::kByte).view(weight.sizes()), grid};
}

QuantizedLinear round_to_nearest(const at::Tensor& weight, const GridOptions& options,
                                 const std::string& where) {
  return round_to_grid(weight, choose_grid(weight, options, where), options.encoding);
}

}  // namespace mpq
