#pragma once
// A mixture of experts: which tokens each expert reads, and what their outputs weigh.
#include <ATen/core/Tensor.h>

#include <vector>

#include "mpq/model/config.h"

namespace mpq {

/// Pairs of a token and an expert that it chose, sorted by expert.
struct Routing {
  at::Tensor rows;             // int64 [pairs]: the token
  at::Tensor weights;          // [pairs]: of the expert's output
  std::vector<int64_t> first;  // [experts + 1]: where each expert's pairs begin; last, their number
  at::Tensor shared;           // [rows, 1]: of the shared expert's output; undefined: 1

  int64_t count(int64_t expert) const;
};

/// In the wide dtype; all but the first may be undefined.
struct RouterTensors {
  at::Tensor router;          // [experts, hidden]
  at::Tensor bias{};          // [experts]: of the choice alone where scores are sigmoids, else of z
  at::Tensor shared_gate{};   // [1, hidden]
  at::Tensor expert_scale{};  // [experts]: of the chosen experts' weights
};
/// `input` [rows, hidden], in the wide dtype.
Routing route(const RouterConfig& config, const at::Tensor& input, const RouterTensors& tensors);
/// The weighted sum [rows, hidden] of the experts' outputs [pairs, hidden], in the wide dtype.
at::Tensor combine(const Routing& routing, const at::Tensor& outputs, int64_t rows);

}  // namespace mpq
