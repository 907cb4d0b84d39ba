#pragma once
// The backward pass's first step: from the loss to the last block's output.
#include "mpq/calib/backward.h"

namespace mpq {

/// The gradients of draws are noisy by nature: they are kept in bfloat16.
at::ScalarType gradient_dtype(const BackwardLoss& loss, at::ScalarType stream);
/// By draw, d loss / d `hidden`, the last block's output [rows, hidden]. Logits are made for some
/// rows at a time. Throws Error(Numeric) when a logit is not finite.
Streams output_gradients(const BackwardPass& pass, const at::Tensor& hidden,
                         const BackwardLoss& loss);

}  // namespace mpq
