// Scales and offsets as whole numbers of a common one, as powers of two, or as 8-bit floats.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "levels.h"
#include "mpq/core/error.h"
#include "mpq/core/simd.h"
#include "mpq/quant/grid.h"
#include "sub_codes.h"
#include "weighted_group.h"

namespace mpq {
namespace {

MPQ_CLONES double error_of(const WeightedGroup& group, const Levels& levels, float scale,
                           float offset) {
  const float inverse = scale == 0 ? 0 : 1 / scale;
  double error = 0;
  for (int64_t j = 0; j < group.count; ++j) {
    const float code = levels.nearest((group.weight[j] - offset) * inverse);
    const float difference = group.weight[j] - (scale * levels.value(code) + offset);
    error += static_cast<double>(group.importance[j]) * difference * difference;
  }
  return error;
}

float half(float value) { return static_cast<float>(at::Half(value)); }

/// The greatest value is the last number; with a sign, the furthest is the first.
SubCodes codes_for(SubCodes codes, const float* values, int64_t count) {
  float far = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (std::abs(values[i]) > std::abs(far)) far = values[i];
  }
  codes.unit = half(codes.first < 0 ? far / codes.first : std::abs(far) / codes.last);
  return codes;
}

/// The grid's own copies, that one writes in place.
Grid empty_codes(const Grid& grid, int64_t supers) {
  Grid stored = grid;
  const auto like = [&](int64_t columns) {
    return at::zeros({grid.scale.size(0), columns}, at::kFloat);
  };
  stored.scale = like(grid.scale.size(1));
  stored.scale_code = like(grid.scale.size(1));
  stored.super_scale = like(supers);
  if (grid.offset.defined()) {
    stored.offset = like(grid.scale.size(1));
    stored.offset_code = like(grid.scale.size(1));
    stored.super_offset = like(supers);
  }
  return stored;
}

/// Each group takes, of the numbers next to its scale and offset, those of least error.
class SubStore {
 public:
  SubStore(const WeightedGroups& weights, const Encoding& encoding)
      : weights_(weights),
        encoding_(encoding),
        levels_(encoding),
        each_(groups_of_super(encoding)) {}

  Grid store(const Grid& grid) const {
    const int64_t groups = grid.scale.size(1);
    const int64_t supers = groups / each_;
    const Grid from{grid.scale.contiguous(), grid.zero,
                    grid.offset.defined() ? grid.offset.contiguous() : at::Tensor()};
    Grid stored = empty_codes(from, supers);
    at::parallel_for(0, grid.scale.size(0), 4, [&](int64_t first, int64_t last) {
      for (int64_t row = first; row < last; ++row) {
        for (int64_t s = 0; s < supers; ++s) store_super(from, row, s, stored);
      }
    });
    return stored;
  }

 private:
  static float* at(const at::Tensor& tensor, int64_t row, int64_t column) {
    return tensor.defined() ? tensor.mutable_data_ptr<float>() + row * tensor.size(1) + column
                            : nullptr;
  }

  void store_super(const Grid& from, int64_t row, int64_t super, Grid& stored) const {
    const int64_t first = super * each_;
    const float* scale = at(from.scale, row, first);
    const float* offset = at(from.offset, row, first);
    const SubCodes scales = codes_for(scale_codes(encoding_), scale, each_);
    SubCodes depths;
    if (offset != nullptr) depths = codes_for(depth_codes(encoding_), offset, each_);
    *at(stored.super_scale, row, super) = scales.unit;
    if (offset != nullptr) *at(stored.super_offset, row, super) = depths.unit;
    for (int64_t i = 0; i < each_; ++i) {
      const WeightedGroup group = weights_.at(row, first + i);
      const auto [scale_code, offset_code] =
          best(group, scales, scale[i], depths, offset == nullptr ? 0 : -offset[i]);
      *at(stored.scale_code, row, first + i) = scale_code;
      *at(stored.scale, row, first + i) = scale_code * scales.unit;
      if (offset == nullptr) continue;
      *at(stored.offset_code, row, first + i) = offset_code;
      *at(stored.offset, row, first + i) = -(offset_code * depths.unit);
    }
  }

  std::pair<float, float> best(const WeightedGroup& group, const SubCodes& scales, float scale,
                               const SubCodes& depths, float depth) const {
    const float near_scale = scales.nearest(scale), near_offset = depths.nearest(depth);
    double least = std::numeric_limits<double>::infinity();
    std::pair<float, float> best{near_scale, near_offset};
    for (const float a : {0.0F, -1.0F, 1.0F}) {
      for (const float b : {0.0F, -1.0F, 1.0F}) {
        const float scale_code = near_scale + a, offset_code = near_offset + b;
        if (scale_code < scales.first || scale_code > scales.last || offset_code < depths.first ||
            offset_code > depths.last)
          continue;
        const double error =
            error_of(group, levels_, scale_code * scales.unit, -(offset_code * depths.unit));
        if (error < least) {
          least = error;
          best = {scale_code, offset_code};
        }
      }
    }
    return best;
  }

  const WeightedGroups& weights_;
  const Encoding& encoding_;
  const Levels levels_;
  const int64_t each_;
};

/// For every group the one of `scales` [out, groups, tried] of least error: int64 [out, groups, 1].
at::Tensor least_error(const WeightedGroups& weights, const Encoding& encoding,
                       const at::Tensor& scales) {
  const Levels levels(encoding);
  const int64_t groups = scales.size(1), tried = scales.size(2);
  at::Tensor chosen = at::empty({scales.size(0), groups, 1}, at::kLong);
  const float* scale = scales.const_data_ptr<float>();
  at::parallel_for(0, weights.rows(), 4, [&](int64_t first, int64_t last) {
    for (int64_t at = first * groups; at < last * groups; ++at) {
      const WeightedGroup group = weights.at(at / groups, at % groups);
      double least = std::numeric_limits<double>::infinity();
      for (int64_t i = 0; i < tried; ++i) {
        const double error = error_of(group, levels, scale[at * tried + i], 0);
        if (error >= least) continue;
        least = error;
        chosen.mutable_data_ptr<int64_t>()[at] = i;
      }
    }
  });
  return chosen;
}

/// The power of two below each scale, or above.
Grid store_e8m0(const WeightedGroups& weights, const Encoding& encoding, const Grid& grid) {
  const at::Tensor below = at::log2(grid.scale.abs().clamp_min(1e-38)).floor();
  const at::Tensor scales =
      at::pow(2.0, at::stack({below, below + 1}, 2).clamp_(-126, 127)).contiguous();
  return {scales.gather(2, least_error(weights, encoding, scales)).squeeze(2)};
}

/// One float32 for the tensor, so that its greatest weight has the greatest scale; below that, an
/// 8-bit float beside each scale.
Grid store_e4m3(const WeightedGroups& weights, const Encoding& encoding, const Grid& grid) {
  const at::Tensor table = at::tensor(level_table(Element::E4M3), at::kFloat);
  const at::Tensor positive = table.masked_select(table > 0);
  const float reach = level_table(Element::E4M3).back() * level_table(encoding.element).back();
  const auto most = weights.weight().abs().max().item<float>();
  Grid stored;
  stored.super_scale = at::full({weights.rows(), 1}, most > 0 ? most / reach : 1.0F, at::kFloat);
  const at::Tensor index = at::bucketize(grid.scale.abs() / stored.super_scale, positive);
  const at::Tensor codes =
      positive.index({at::stack({index - 1, index, index + 1}, 2).clamp_(0, positive.size(0) - 1)});
  const at::Tensor scales = (codes * stored.super_scale.unsqueeze(2)).contiguous();
  stored.scale_code = codes.gather(2, least_error(weights, encoding, scales)).squeeze(2);
  stored.scale = stored.scale_code * stored.super_scale;
  return stored;
}

Grid store_float(const Grid& grid, at::ScalarType dtype) {
  Grid stored = grid;
  stored.scale = stored_as(grid.scale, dtype);
  if (grid.offset.defined()) stored.offset = stored_as(grid.offset, dtype);
  return stored;
}

}  // namespace

Grid store_scales(const at::Tensor& weight, const Grid& grid, const GridOptions& options) {
  const Encoding& encoding = options.encoding;
  if (encoding.scale == ScaleCode::Float) return store_float(grid, encoding.scale_dtype);
  const WeightedGroups weights(weight, options);
  if (encoding.scale == ScaleCode::E8M0) return store_e8m0(weights, encoding, grid);
  if (encoding.scale == ScaleCode::E4M3) return store_e4m3(weights, encoding, grid);
  require(encoding.scale_dtype == at::kHalf, ErrorCode::Internal,
          "{}: whole-number scales are of float16", to_string(encoding));
  return SubStore(weights, encoding).store(grid);
}

}  // namespace mpq
