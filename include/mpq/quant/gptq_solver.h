#pragma once
// The column loop of GPTQ on fixed group grids.
#include "mpq/quant/grid.h"
#include "mpq/quant/hessian.h"

namespace mpq {

/// `weight` float32 [out, in] in original column order, `factor` of its Hessian in the order to
/// visit columns, `grid` in original order (static groups, so no g_idx is needed). Blocks of 128
/// columns with lazy updates of the rest; rows in parallel.
QuantizedLinear gptq_solve(const at::Tensor& weight, const Hessian::Factor& factor,
                           const Grid& grid, const Scheme& scheme);

}  // namespace mpq
