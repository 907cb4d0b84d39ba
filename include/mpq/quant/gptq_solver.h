#pragma once
// The column loop of GPTQ on fixed group grids.
#include "mpq/quant/grid.h"
#include "mpq/quant/hessian.h"

namespace mpq {

/// Grids fixed before the updates, so that no g_idx is needed: which one each column uses, and its
/// greatest code. All columns have the levels of one element.
struct ColumnGrids {
  Encoding encoding;         // its element and where its codes begin
  at::Tensor scale, offset;  // float32 [out, grids]: value = scale level + offset
  at::Tensor index;          // int64 [in]
  at::Tensor top;            // float32 [in]
};
/// Equal groups of adjacent columns.
ColumnGrids group_grids(const Grid& grid, const Encoding& encoding, int64_t in);

/// Codes, uint8 [out, in]. `weight` float32 [out, in] and `grids` in original column order,
/// `factor` of its Hessian in the order to visit columns. Blocks of 128 columns with lazy updates
/// of the rest; rows in parallel.
at::Tensor gptq_solve(const at::Tensor& weight, const Hessian::Factor& factor,
                      const ColumnGrids& grids);

}  // namespace mpq
