#pragma once
// What a loss needs of logits, in one pass over a row: of large vocabularies it was most of the
// time of an evaluation.
#include <ATen/core/Tensor.h>

namespace mpq {

/// log(sum(exp(logits))) by row, of [rows, vocabulary]: ATen's where takes_row_kernels() says no.
at::Tensor log_sum_exps(const at::Tensor& logits);
/// Of the distributions softmax(reference) and softmax(logits), by row, at least 0: float32 [rows,
/// vocabulary] to float32 [rows]. Only where takes_row_kernels().
at::Tensor kl_of_logits(const at::Tensor& reference, const at::Tensor& logits);

}  // namespace mpq
