// Least-squares scales and offsets, group by group, from several roundings to start from.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "levels.h"
#include "mpq/core/simd.h"
#include "mpq/quant/grid.h"
#include "weighted_group.h"

namespace mpq {
namespace {

struct Fitted {
  float scale = 0, offset = 0;
  double error = std::numeric_limits<double>::infinity();
};

/// Least-squares scale for the levels nearest at `scale`. The error is what that leaves.
Fitted scale_of_levels(const WeightedGroup& group, const Levels& levels, float scale) {
  double product = 0, square = 0, whole = 0;
  const float inverse = scale == 0 ? 0 : 1 / scale;
  for (int64_t j = 0; j < group.count; ++j) {
    const double level = levels.value(levels.nearest(group.weight[j] * inverse));
    const double importance = group.importance[j];
    product += importance * group.weight[j] * level;
    square += importance * level * level;
    whole += importance * group.weight[j] * group.weight[j];
  }
  if (square <= 0) return {0, 0, whole};
  return {static_cast<float>(product / square), 0, whole - product * product / square};
}

/// Symmetric: the furthest weight at or beyond the first level, by shares of its reach.
MPQ_CLONES Fitted fit_scale(const WeightedGroup& group, const Levels& levels) {
  float far = 0;
  for (int64_t j = 0; j < group.count; ++j) {
    if (std::abs(group.weight[j]) > std::abs(far)) far = group.weight[j];
  }
  Fitted best{0, 0, std::numeric_limits<double>::infinity()};
  if (far == 0) return {0, 0, 0};
  for (int share = 60; share <= 115; share += 5) {
    const float scale = far * static_cast<float>(share) / 100 / levels.value(0);
    Fitted tried = scale_of_levels(group, levels, scale);
    if (tried.scale != 0 && tried.error < best.error) best = tried;
  }
  for (int again = 0; again < 2; ++again) {
    const Fitted tried = scale_of_levels(group, levels, best.scale);
    if (tried.scale != 0 && tried.error < best.error) best = tried;
  }
  return best;
}

/// Least-squares scale and offset for the codes nearest on a grid; where the offset has to be
/// negative or 0 and is not, the scale alone.
Fitted line_of_codes(const WeightedGroup& group, float top, bool negative, float scale,
                     float offset) {
  double sum = 0, code_sum = 0, square = 0, weight_sum = 0, product = 0, whole = 0;
  const float inverse = scale == 0 ? 0 : 1 / scale;
  for (int64_t j = 0; j < group.count; ++j) {
    const double importance = group.importance[j], weight = group.weight[j];
    const double code = std::clamp(std::nearbyint((group.weight[j] - offset) * inverse), 0.0F, top);
    sum += importance;
    code_sum += importance * code;
    square += importance * code * code;
    weight_sum += importance * weight;
    product += importance * weight * code;
    whole += importance * weight * weight;
  }
  const double spread = sum * square - code_sum * code_sum;
  Fitted line;
  if (spread > 1e-12 * sum * square) {
    const double slope = (sum * product - code_sum * weight_sum) / spread;
    const double base = (square * weight_sum - code_sum * product) / spread;
    if (base <= 0 || !negative) {
      line = {static_cast<float>(slope), static_cast<float>(base),
              whole - slope * product - base * weight_sum};
    }
  }
  if (!std::isfinite(line.error) && square > 0)
    line = {static_cast<float>(product / square), 0, whole - product * product / square};
  return line;
}

/// The range of the group, each end drawn in by several shares.
MPQ_CLONES Fitted fit_line(const WeightedGroup& group, float top, bool negative) {
  float low = group.weight[0], high = group.weight[0];
  for (int64_t j = 1; j < group.count; ++j) {
    low = std::min(low, group.weight[j]);
    high = std::max(high, group.weight[j]);
  }
  if (negative) low = std::min(low, 0.0F);
  if (low == high) return {0, low, 0};
  Fitted best;
  const auto keep = [&](float scale, float offset) {
    const Fitted tried = line_of_codes(group, top, negative, scale, offset);
    if (std::isfinite(tried.error) && tried.scale > 0 && tried.error < best.error) best = tried;
  };
  for (int below = 0; below <= 20; below += 5) {
    for (int above = 0; above <= 20; above += 5) {
      const float width = high - low;
      const float first = low + width * static_cast<float>(below) / 100;
      const float last = high - width * static_cast<float>(above) / 100;
      keep((last - first) / top, first);
    }
  }
  if (!std::isfinite(best.error)) return {(high - low) / top, low, 0};
  for (int again = 0; again < 2; ++again) keep(best.scale, best.offset);
  return best;
}

}  // namespace

Grid fit_grid(const at::Tensor& weight, const GridOptions& options) {
  const Encoding& encoding = options.encoding;
  const WeightedGroups weights(weight, options);
  const int64_t out = weights.rows(), groups = weights.a_row();
  const bool line = !encoding.symmetric();
  const Levels levels(encoding);
  // Sub codes of offsets have no sign.
  const bool negative = encoding.scale == ScaleCode::Sub;
  Grid grid{at::empty({out, groups}, at::kFloat)};
  if (line) grid.offset = at::empty({out, groups}, at::kFloat);
  float* scale = grid.scale.mutable_data_ptr<float>();
  float* offset = line ? grid.offset.mutable_data_ptr<float>() : nullptr;
  at::parallel_for(0, out, 4, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      for (int64_t g = 0; g < groups; ++g) {
        const WeightedGroup group = weights.at(row, g);
        const Fitted fitted =
            line ? fit_line(group, levels.top(), negative) : fit_scale(group, levels);
        scale[row * groups + g] = fitted.scale;
        if (line) offset[row * groups + g] = fitted.offset;
      }
    }
  });
  if (!line && encoding.element == Element::Int)
    grid.zero = at::full_like(grid.scale, middle_code(encoding));
  return grid;
}

}  // namespace mpq
