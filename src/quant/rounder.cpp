// Affine grids and tables of levels behind one pair of maps.
#include "mpq/quant/rounder.h"

#include <ATen/ATen.h>

namespace mpq {
namespace {

/// A scale of 0 gives one value whatever the code.
at::Tensor divisor(const Grid& grid) {
  return at::where(grid.scale == 0, 1.0, grid.scale).unsqueeze(2);
}

}  // namespace

at::Tensor by_group(const at::Tensor& weight, int64_t groups) {
  return weight.reshape({weight.size(0), groups, weight.size(1) / groups});
}

Rounder::Rounder(const Encoding& encoding)
    : whole_zero_(encoding.element == Element::Int &&
                  (encoding.zero == Zero::Middle || encoding.zero == Zero::Whole)),
      top_(top_code(encoding)) {
  const auto& table = level_table(encoding.element);
  if (!table.empty()) levels_ = at::tensor(table, at::kFloat);
}

at::Tensor Rounder::steps(const at::Tensor& weight, const Grid& grid) const {
  if (grid.offset.defined()) return (weight - grid.offset.unsqueeze(2)) / divisor(grid);
  const at::Tensor steps = weight / divisor(grid);
  if (!levels_.defined()) return steps + grid.zero.unsqueeze(2);
  const at::Tensor below =
      at::bucketize(steps.detach(), levels_, /*out_int32=*/false, /*right=*/true)
          .sub_(1)
          .clamp_(0, levels_.size(0) - 2);
  const at::Tensor low = levels_.index({below});
  return below + (steps - low) / (levels_.index({below + 1}) - low);
}

at::Tensor Rounder::values(const at::Tensor& steps, const Grid& grid) const {
  const at::Tensor scale = grid.scale.unsqueeze(2);
  if (grid.offset.defined()) return steps * scale + grid.offset.unsqueeze(2);
  if (!levels_.defined()) return (steps - grid.zero.unsqueeze(2)) * scale;
  const at::Tensor below = steps.detach().floor().clamp_(0, top_ - 1).to(at::kLong);
  const at::Tensor low = levels_.index({below});
  return (low + (steps - below) * (levels_.index({below + 1}) - low)) * scale;
}

at::Tensor Rounder::codes(const at::Tensor& weight, const Grid& grid) const {
  // A whole zero point is added after rounding, so that ties do not depend on it.
  if (whole_zero_)
    return at::round(weight / divisor(grid)).add_(grid.zero.unsqueeze(2)).clamp_(0, top_);
  return steps(weight, grid).round_().clamp_(0, top_);
}

}  // namespace mpq
