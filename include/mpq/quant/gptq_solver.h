#pragma once
// The column loop of GPTQ on fixed group grids.
#include "mpq/quant/grid.h"
#include "mpq/quant/hessian.h"

namespace mpq {

/// Grids fixed before the updates, so that no g_idx is needed: which one each column uses, and its
/// greatest code.
struct ColumnGrids {
  Grid grid;         // [out, grids]
  at::Tensor index;  // int64 [in]
  at::Tensor top;    // float32 [in]
};
/// Equal groups of adjacent columns at one width.
ColumnGrids group_grids(const Grid& grid, const Scheme& scheme, int64_t in);

/// Codes, uint8 [out, in]. `weight` float32 [out, in] and `grids` in original column order,
/// `factor` of its Hessian in the order to visit columns. Blocks of 128 columns with lazy updates
/// of the rest; rows in parallel.
at::Tensor gptq_solve(const at::Tensor& weight, const Hessian::Factor& factor,
                      const ColumnGrids& grids);

}  // namespace mpq
