// Block coordinate descent: one group of columns at a time for all rows, then one matrix product
// brings the gradient up to date.
#include "mpq/quant/refine.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "levels.h"
#include "mpq/core/simd.h"
#include "sub_codes.h"

namespace mpq {
namespace {

/// Columns handled between two gradient products; a group longer than this is descended in pieces.
constexpr int64_t kPiece = 128;

struct PieceView {
  const float* hessian;  // [count, count], the piece's own block of H
  int64_t count;
  const Levels& levels;
  const Encoding& encoding;
  bool refit;  // the piece is a whole group, so its scale may move
};

/// A group's scale and offset, as far as they may move: value = scale (level - origin) + offset.
struct Affine {
  float scale = 0, offset = 0, origin = 0;
  float scale_code = 0, super_scale = 0;    // of Sub: scale = super_scale scale_code
  float offset_code = 0, super_offset = 0;  // offset = -super_offset offset_code
};

float to_dtype(double value, at::ScalarType dtype) {
  const auto single = static_cast<float>(value);
  if (dtype == at::kBFloat16) return static_cast<float>(at::BFloat16(single));
  if (dtype == at::kHalf) return static_cast<float>(at::Half(single));
  return single;
}

/// Moves the group's scale, or its offset, along the least-squares step as far as its storage
/// allows; 0 when that would not lower the error. With Q changed by t d: the error changes by
/// t^2 (d H d) - 2 t (d . gradient).
class Refit {
 public:
  Refit(const PieceView& view, const float* gradient) : view_(view), gradient_(gradient) {}

  template <class Direction>
  double ideal(const Direction& direction) {
    slope_ = curvature_ = 0;
    for (int64_t j = 0; j < view_.count; ++j) {
      const double a = direction(j);
      if (a == 0) continue;
      const float* row = view_.hessian + j * view_.count;
      double product = 0;
      for (int64_t k = 0; k < view_.count; ++k) product += row[k] * direction(k);
      slope_ += a * gradient_[j];
      curvature_ += a * product;
    }
    return curvature_ > 0 ? slope_ / curvature_ : 0;
  }
  bool lowers(double step) const {
    return step != 0 && step * step * curvature_ - 2 * step * slope_ < 0;
  }

 private:
  const PieceView& view_;
  const float* gradient_;
  double slope_ = 0, curvature_ = 0;
};

float stored_scale(const Encoding& encoding, double scale, Affine& affine) {
  if (encoding.scale != ScaleCode::Sub) return to_dtype(scale, encoding.scale_dtype);
  affine.scale_code = scale_codes(encoding, affine.super_scale).nearest(static_cast<float>(scale));
  return affine.super_scale * affine.scale_code;
}

float stored_offset(const Encoding& encoding, double offset, Affine& affine) {
  if (encoding.scale != ScaleCode::Sub) return to_dtype(offset, encoding.scale_dtype);
  affine.offset_code =
      depth_codes(encoding, affine.super_offset).nearest(static_cast<float>(-offset));
  return -(affine.super_offset * affine.offset_code);
}

/// The scale, then the offset where there is one that is not tied to it.
MPQ_CLONES void refit_group(const PieceView& view, float* gradient, const float* code, float* delta,
                            Affine& affine) {
  const Encoding& encoding = view.encoding;
  const auto level = [&](int64_t j) { return view.levels.value(code[j]) - affine.origin; };
  Refit refit(view, gradient);
  Affine moved = affine;
  moved.scale = stored_scale(encoding, affine.scale + refit.ideal(level), moved);
  const double step = static_cast<double>(moved.scale) - affine.scale;
  if (moved.scale * affine.scale > 0 && refit.lowers(step)) {
    for (int64_t j = 0; j < view.count; ++j) {
      const auto change = static_cast<float>(step) * level(j);
      delta[j] += change;
      const float* row = view.hessian + j * view.count;
      for (int64_t k = 0; k < view.count; ++k) gradient[k] -= change * row[k];
    }
    affine = moved;
  }
  if (!encoding.has_offset()) return;
  moved = affine;
  moved.offset =
      stored_offset(encoding, affine.offset + refit.ideal([](int64_t) { return 1.0F; }), moved);
  const double shift = static_cast<double>(moved.offset) - affine.offset;
  if (!refit.lowers(shift)) return;
  for (int64_t j = 0; j < view.count; ++j) delta[j] += static_cast<float>(shift);
  affine = moved;
}

/// One row of one piece. `gradient` = (E H) on the piece, E = W - Q, kept up to date. Returns the
/// change of Q in `delta`.
MPQ_CLONES void descend_row(const PieceView& view, float* gradient, float* code, float* delta,
                            Affine& affine) {
  std::fill(delta, delta + view.count, 0.0F);
  const float divisor = affine.scale == 0 ? 1 : affine.scale;
  for (int64_t j = 0; j < view.count; ++j) {
    const float curvature = view.hessian[j * view.count + j];
    const float now = view.levels.value(code[j]);
    const float best = view.levels.nearest(now + gradient[j] / (curvature * divisor));
    if (best == code[j] || affine.scale == 0) continue;
    const float step = (view.levels.value(best) - now) * affine.scale;
    delta[j] += step;
    const float* row = view.hessian + j * view.count;
    for (int64_t k = 0; k < view.count; ++k) gradient[k] -= step * row[k];
    code[j] = best;
  }
  const bool movable =
      view.encoding.scale == ScaleCode::Float || view.encoding.scale == ScaleCode::Sub;
  if (view.refit && movable) refit_group(view, gradient, code, delta, affine);
}

/// The tensors of a grid that refinement writes, its own copies.
class GroupTable {
 public:
  explicit GroupTable(const QuantizedLinear& linear)
      : encoding_(linear.encoding), grid_(linear.grid) {
    for (at::Tensor* tensor : tensors_of(grid_)) {
      if (tensor->defined()) *tensor = tensor->clone(at::MemoryFormat::Contiguous);
    }
  }
  Affine at(int64_t row, int64_t group) const {
    Affine affine;
    visit(affine, row, group, [](float& member, const float& stored) { member = stored; });
    // Of Middle codes the levels already begin at the middle.
    if (grid_.zero.defined() && encoding_.zero != Zero::Middle)
      affine.origin = place(grid_.zero, row, group);
    return affine;
  }
  void put(int64_t row, int64_t group, Affine affine) const {
    visit(affine, row, group, [](float& member, float& stored) { stored = member; });
  }
  const Grid& grid() const { return grid_; }

 private:
  static float& place(const at::Tensor& tensor, int64_t row, int64_t column) {
    return tensor.mutable_data_ptr<float>()[row * tensor.size(1) + column];
  }
  template <class Each>
  void visit(Affine& affine, int64_t row, int64_t group, const Each& each) const {
    const bool sub = encoding_.scale == ScaleCode::Sub;
    const int64_t super = sub ? group / groups_of_super(encoding_) : 0;
    each(affine.scale, place(grid_.scale, row, group));
    if (grid_.offset.defined()) each(affine.offset, place(grid_.offset, row, group));
    if (!sub) return;
    each(affine.scale_code, place(grid_.scale_code, row, group));
    each(affine.super_scale, place(grid_.super_scale, row, super));
    if (!grid_.offset.defined()) return;
    each(affine.offset_code, place(grid_.offset_code, row, group));
    each(affine.super_offset, place(grid_.super_offset, row, super));
  }

  const Encoding encoding_;
  Grid grid_;
};

}  // namespace

void refine_codes(const at::Tensor& weight, const Hessian& hessian, double damp, int rounds,
                  QuantizedLinear& linear) {
  const int64_t out = weight.size(0);
  const int64_t in = weight.size(1);
  const int64_t groups = linear.grid.scale.size(1);
  const int64_t group_size = in / groups;
  at::Tensor damped = hessian.matrix().clone();
  const at::Tensor diagonal = damped.diagonal();
  const double mean = diagonal.mean().item<double>();
  diagonal.masked_fill_(diagonal == 0,
                        mean);  // dead columns hold zero weights; any curvature keeps them there
  diagonal.add_(damp * mean);

  at::Tensor codes = linear.codes.to(at::kFloat).contiguous();
  const GroupTable table(linear);
  const Levels levels(linear.encoding);
  at::Tensor error = weight - dequantize(linear);
  for (int round = 0; round < rounds; ++round) {
    at::Tensor gradient = at::mm(error, damped);
    for (int64_t begin = 0, count = 0; begin < in; begin += count) {
      const int64_t group = begin / group_size;
      count = std::min(kPiece, (group + 1) * group_size - begin);
      const at::Tensor own = damped.narrow(0, begin, count).narrow(1, begin, count).contiguous();
      at::Tensor local = gradient.narrow(1, begin, count).contiguous();
      const at::Tensor delta = at::empty({out, count}, at::kFloat);
      const PieceView view{own.data_ptr<float>(), count, levels, linear.encoding,
                           count == group_size};
      at::parallel_for(0, out, 16, [&](int64_t first, int64_t last) {
        for (int64_t row = first; row < last; ++row) {
          Affine affine = table.at(row, group);
          descend_row(view, local.data_ptr<float>() + row * count,
                      codes.data_ptr<float>() + row * in + begin,
                      delta.data_ptr<float>() + row * count, affine);
          table.put(row, group, affine);
        }
      });
      error.narrow(1, begin, count).sub_(delta);
      // Only later pieces read the gradient again in this round.
      const int64_t rest = in - begin - count;
      if (rest > 0) {
        gradient.narrow(1, begin + count, rest)
            .addmm_(delta, damped.narrow(0, begin, count).narrow(1, begin + count, rest), 1, -1);
      }
    }
  }
  linear.codes = codes.to(at::kByte);
  linear.grid = table.grid();
}

}  // namespace mpq
