#pragma once
// Refinement after GPTQ: coordinate descent on codes and scales under the Hessian (methods.md, 6).
#include "mpq/quant/hessian.h"
#include "mpq/quant/quantized_linear.h"

namespace mpq {

/// `rounds` sweeps over the groups of every row. In each group: the best code of every column given
/// all others, then the least-squares scale, and offset, given the codes, as near as they are
/// stored. Each step only lowers tr((W - Q) H (W - Q)^T), H damped as for GPTQ.
void refine_codes(const at::Tensor& weight, const Hessian& hessian, double damp, int rounds,
                  QuantizedLinear& linear);

}  // namespace mpq
