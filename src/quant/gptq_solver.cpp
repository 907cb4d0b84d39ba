// GPTQ's inner loop: rows side by side inside a block of columns, one matrix product for all later
// columns.
#include "mpq/quant/gptq_solver.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "levels.h"
#include "mpq/core/log.h"
#include "mpq/core/simd.h"

namespace mpq {
namespace {

constexpr int64_t kBlock = 128;
/// Rows that go through a block of columns together, one a vector lane: what rounds a column waits
/// for the column before.
constexpr int64_t kLanes = 32;
using Lanes = std::array<float, kLanes>;

/// What the loop over one block of columns reads and writes; float32, row-major.
struct BlockView {
  const float* weight;   // [in, rows] in visiting order, beyond `out` 0
  float* error;          // [kBlock, rows]: (w - q) / U_jj
  const float* upper;    // [in, in]
  const float* scale;    // [groups, rows]
  const float* offset;   // [groups, rows]
  const int64_t* group;  // [in]: grid of the column at each position
  const float* top;      // [in]: its greatest code
  float* codes;          // [in, rows] in visiting order
  const Levels* table;   // null where levels are the codes themselves
  int64_t in, rows, begin, count;
};

MPQ_CLONES void quantize_rows(const BlockView& view, int64_t row) {
  std::array<Lanes, kBlock> weight;
  for (int64_t j = 0; j < view.count; ++j) {
    const float* from = view.weight + (view.begin + j) * view.rows + row;
    for (int64_t l = 0; l < kLanes; ++l) weight[j][l] = from[l];
  }
  for (int64_t j = 0; j < view.count; ++j) {
    const int64_t column = view.begin + j;
    const float* upper = view.upper + column * view.in + view.begin;
    const float* scale = view.scale + view.group[column] * view.rows + row;
    const float* offset = view.offset + view.group[column] * view.rows + row;
    float* codes = view.codes + column * view.rows + row;
    float* error = view.error + j * view.rows + row;
    const float top = view.top[column], pivot = upper[j];
    Lanes code, value, scaled;
#pragma omp simd
    for (int64_t l = 0; l < kLanes; ++l) {
      const float divisor = scale[l] == 0 ? 1 : scale[l];
      value[l] = (weight[j][l] - offset[l]) / divisor;
    }
    if (view.table != nullptr) {
      for (int64_t l = 0; l < kLanes; ++l) {
        code[l] = view.table->nearest(value[l]);
        value[l] = view.table->value(code[l]);
      }
    } else {
#pragma omp simd
      for (int64_t l = 0; l < kLanes; ++l) {
        const float whole = std::nearbyint(value[l]);
        const float above = whole > 0 ? whole : 0;
        value[l] = code[l] = above < top ? above : top;
      }
    }
#pragma omp simd
    for (int64_t l = 0; l < kLanes; ++l) {
      const float quantized = value[l] * scale[l] + offset[l];
      scaled[l] = (weight[j][l] - quantized) / pivot;
      codes[l] = code[l];
      error[l] = scaled[l];
    }
    for (int64_t k = j + 1; k < view.count; ++k) {
      const float factor = upper[k];
#pragma omp simd
      for (int64_t l = 0; l < kLanes; ++l) weight[k][l] -= scaled[l] * factor;
    }
  }
}

/// [rows, columns] as [columns, rows], with rows of 0 up to a multiple of kLanes.
at::Tensor across(const at::Tensor& matrix, int64_t rows) {
  at::Tensor result = at::zeros({matrix.size(1), rows}, at::kFloat);
  result.narrow(1, 0, matrix.size(0)).copy_(matrix.t());
  return result;
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
  const int64_t rows = (out + kLanes - 1) / kLanes * kLanes;
  const bool table = grids.encoding.element != Element::Int;
  const Levels levels(grids.encoding);
  const at::Tensor work = across(weight.index_select(1, factor.order), rows);
  const at::Tensor codes = at::empty({in, rows}, at::kFloat);
  const at::Tensor error = at::empty({kBlock, rows}, at::kFloat);
  const at::Tensor group = grids.index.index_select(0, factor.order);
  const at::Tensor top = grids.top.index_select(0, factor.order);
  const at::Tensor scale = across(grids.scale, rows);
  const at::Tensor offset = across(grids.offset, rows);

  for (int64_t begin = 0; begin < in; begin += kBlock) {
    check_interrupt();
    const int64_t count = std::min(kBlock, in - begin);
    const BlockView view{work.const_data_ptr<float>(),
                         error.mutable_data_ptr<float>(),
                         factor.upper.const_data_ptr<float>(),
                         scale.const_data_ptr<float>(),
                         offset.const_data_ptr<float>(),
                         group.const_data_ptr<int64_t>(),
                         top.const_data_ptr<float>(),
                         codes.mutable_data_ptr<float>(),
                         table ? &levels : nullptr,
                         in,
                         rows,
                         begin,
                         count};
    at::parallel_for(0, rows / kLanes, 1, [&](int64_t first, int64_t last) {
      for (int64_t lanes = first; lanes < last; ++lanes) quantize_rows(view, lanes * kLanes);
    });
    const int64_t rest = in - begin - count;
    if (rest > 0) {
      work.narrow(0, begin + count, rest)
          .addmm_(factor.upper.narrow(0, begin, count).narrow(1, begin + count, rest).t(),
                  error.narrow(0, 0, count), 1, -1);
    }
  }
  at::Tensor ordered = at::empty({in, rows}, at::kByte);
  ordered.index_copy_(0, factor.order, codes.to(at::kByte));
  return ordered.narrow(1, 0, out).t().contiguous();
}

}  // namespace mpq
