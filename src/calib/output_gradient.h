#pragma once
// The backward pass's first step: from the loss to the last block's output.
#include "mpq/calib/backward.h"

namespace mpq {

/// By draw, d loss / d `hidden`, the last block's output [rows, hidden]. Logits are made for some
/// rows at a time. Throws Error(Numeric) when a logit is not finite.
StreamGradients output_gradients(const Model& model, const BatchPlan& plan,
                                 const at::Tensor& hidden, const BackwardLoss& loss,
                                 MemoryBudget& memory);

}  // namespace mpq
