#pragma once
// What learned quantizers share: differentiable rounding and clipping, Adam, and the error they
// lower.
#include <functional>
#include <vector>

#include "mpq/quant/grid.h"
#include "mpq/quant/quantizer.h"

namespace mpq {

/// round(x), with the gradient of x (straight-through).
at::Tensor round_straight_through(const at::Tensor& x);

/// Mean over tokens of the squared output error, summed over channels: of the block when the
/// problem has block_error, else of the unit, tr(D H D^T) / 2 with D = weight - problem.weight. A
/// scalar.
at::Tensor output_error(const QuantProblem& problem, const at::Tensor& weight, int64_t step);

/// Row by row the result with the lower error under the problem's Hessian (rows do not depend on
/// one another); `learned` as it is when there is none, or the block's error was lowered.
QuantizedLinear better_rows(const QuantProblem& problem, QuantizedLinear learned,
                            const QuantizedLinear& nearest);

/// Adam (Kingma & Ba, 2015) with its usual constants.
class Adam {
 public:
  struct Parameter {
    at::Tensor value;
    double rate;
  };
  explicit Adam(std::vector<Parameter> parameters) : parameters_(std::move(parameters)) {}
  /// One step along the gradients of `loss`, which are computed here.
  void step(const at::Tensor& loss);

 private:
  std::vector<Parameter> parameters_;
  std::vector<at::Tensor> mean_, square_;
  int64_t steps_ = 0;
};

/// AdaRound (Nagel et al., 2020, equations 21-24) of a weight on a fixed grid.
class LearnedRounding {
 public:
  /// `weight` float32 [out, in]; starts at the weight itself, h(V) = its fraction.
  LearnedRounding(const at::Tensor& weight, const Grid& grid, const Scheme& scheme);
  at::Tensor& parameter() { return logits_; }
  /// s (clamp(floor(w / s) + h(V) + z) - z).
  at::Tensor weight() const;
  /// The regulariser sum(1 - |2h - 1|^beta) at a step: 0 in the first fifth of the iterations, then
  /// beta falls from 20 to 2.
  at::Tensor regulariser(int64_t step, int64_t iterations) const;
  /// h(V) rounded to 0 or 1.
  QuantizedLinear rounded() const;

 private:
  at::Tensor up() const;  // h(V)
  Grid grid_;
  Scheme scheme_;
  at::Tensor floor_, logits_;  // [out, groups, columns]
};

/// Learned weight clipping (OmniQuant, Shao et al., 2024, equation 2): every group's range is
/// multiplied by sigmoids, which start near 1.
class LearnedClipping {
 public:
  LearnedClipping(const at::Tensor& weight, const GridOptions& options, const std::string& where);
  std::vector<at::Tensor> parameters() { return {low_logits_, high_logits_}; }
  /// The rounded weight, with gradients for the parameters.
  at::Tensor weight() const;
  QuantizedLinear rounded() const;

 private:
  GridOptions options_;
  at::Tensor weight_;                    // [out, in]
  at::Tensor low_, high_;                // [out, groups]
  at::Tensor low_logits_, high_logits_;  // [out, groups]
};

}  // namespace mpq
