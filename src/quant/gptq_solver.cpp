// GPTQ's inner loop: per row inside a block of columns, one matrix product for all later columns.
#include "mpq/quant/gptq_solver.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "levels.h"
#include "mpq/core/log.h"
#include "mpq/core/simd.h"

namespace mpq {
namespace {

constexpr int64_t kBlock = 128;

/// What the loop over one block of columns reads and writes; all pointers are to row-major float32.
struct BlockView {
  float* weight;         // [out, in] in visiting order; updated
  float* error;          // [out, kBlock]: (w - q) / U_jj
  const float* upper;    // [in, in]
  const float* scale;    // [out, groups]
  const float* offset;   // [out, groups]
  const int64_t* group;  // [in]: grid of the column at each position
  const float* top;      // [in]: its greatest code
  float* codes;          // [out, in] in visiting order
  const Levels* table;   // null where levels are the codes themselves
  int64_t in, groups, begin, count;
};

MPQ_CLONES void quantize_row(const BlockView& view, int64_t row) {
  float* weight = view.weight + row * view.in + view.begin;
  float* error = view.error + row * kBlock;
  float* codes = view.codes + row * view.in + view.begin;
  const float* scale = view.scale + row * view.groups;
  const float* offset = view.offset + row * view.groups;
  for (int64_t j = 0; j < view.count; ++j) {
    const float* upper = view.upper + (view.begin + j) * view.in + view.begin;
    const int64_t group = view.group[view.begin + j];
    const float divisor = scale[group] == 0 ? 1 : scale[group];
    const float level = (weight[j] - offset[group]) / divisor;
    const float code = view.table != nullptr
                           ? view.table->nearest(level)
                           : std::clamp(std::nearbyint(level), 0.0F, view.top[view.begin + j]);
    const float quantized =
        (view.table != nullptr ? view.table->value(code) : code) * scale[group] + offset[group];
    const float scaled = (weight[j] - quantized) / upper[j];
    codes[j] = code;
    error[j] = scaled;
    for (int64_t k = j + 1; k < view.count; ++k) weight[k] -= scaled * upper[k];
  }
}

}  // namespace

ColumnGrids group_grids(const Grid& grid, const Encoding& encoding, int64_t in) {
  const auto columns = at::arange(in, at::kLong);
  at::Tensor offset = at::zeros_like(grid.scale);
  if (grid.offset.defined()) offset = grid.offset;
  if (grid.zero.defined()) offset = -(grid.zero * grid.scale);
  return {encoding, grid.scale, offset, at::floor_divide(columns, in / grid.scale.size(1)),
          at::full({in}, static_cast<float>(top_code(encoding)), at::kFloat)};
}

at::Tensor gptq_solve(const at::Tensor& weight, const Hessian::Factor& factor,
                      const ColumnGrids& grids) {
  const int64_t out = weight.size(0);
  const int64_t in = weight.size(1);
  const int64_t groups = grids.scale.size(1);
  const bool table = grids.encoding.element != Element::Int;
  const Levels levels(grids.encoding);
  const at::Tensor work = weight.index_select(1, factor.order);
  const at::Tensor codes = at::empty({out, in}, at::kFloat);
  const at::Tensor error = at::empty({out, kBlock}, at::kFloat);
  const at::Tensor group = grids.index.index_select(0, factor.order);
  const at::Tensor top = grids.top.index_select(0, factor.order);
  const at::Tensor scale = grids.scale.contiguous();
  const at::Tensor offset = grids.offset.contiguous();

  for (int64_t begin = 0; begin < in; begin += kBlock) {
    check_interrupt();
    const int64_t count = std::min(kBlock, in - begin);
    const BlockView view{work.data_ptr<float>(),
                         error.data_ptr<float>(),
                         factor.upper.data_ptr<float>(),
                         scale.data_ptr<float>(),
                         offset.data_ptr<float>(),
                         group.data_ptr<int64_t>(),
                         top.data_ptr<float>(),
                         codes.data_ptr<float>(),
                         table ? &levels : nullptr,
                         in,
                         groups,
                         begin,
                         count};
    at::parallel_for(0, out, 16, [&](int64_t first, int64_t last) {
      for (int64_t row = first; row < last; ++row) quantize_row(view, row);
    });
    const int64_t rest = in - begin - count;
    if (rest > 0) {
      work.narrow(1, begin + count, rest)
          .addmm_(error.narrow(1, 0, count),
                  factor.upper.narrow(0, begin, count).narrow(1, begin + count, rest), 1, -1);
    }
  }
  at::Tensor ordered = at::empty({out, in}, at::kByte);
  ordered.index_copy_(1, factor.order, codes.to(at::kByte));
  return ordered;
}

}  // namespace mpq
