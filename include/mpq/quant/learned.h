#pragma once
// What learned quantizers share: differentiable rounding and clipping, Adam, and the error they
// lower.
#include <vector>

#include "mpq/quant/grid.h"
#include "mpq/quant/learned_linear.h"
#include "mpq/quant/quantizer.h"
#include "mpq/quant/rounder.h"

namespace mpq {

/// round(x), with the gradient of x (straight-through).
at::Tensor round_straight_through(const at::Tensor& x);

/// Learns a linear alone, under the mean over tokens of its squared output error summed over
/// channels, tr(D H D^T) / 2 with D = weight - problem.weight. Row by row the result stays where it
/// began if that has the lower error: rows do not depend on one another.
QuantizedLinear learn_alone(const QuantProblem& problem, int steps, LearnedLinear& linear);

/// Share of the rates at a step: 1, falling to 0 over the last quarter.
double late_decay(int step, int iterations);

/// Adam (Kingma & Ba, 2015) with its usual constants.
class Adam {
 public:
  struct Parameter {
    at::Tensor value;
    double rate;
  };
  explicit Adam(std::vector<Parameter> parameters) : parameters_(std::move(parameters)) {}
  Adam(const std::vector<at::Tensor>& values, double rate) {
    for (const auto& value : values) parameters_.push_back({value, rate});
  }
  /// One step along the parameters' gradients, which are then cleared; `share` of the rates.
  void step(double share = 1);

 private:
  std::vector<Parameter> parameters_;
  std::vector<at::Tensor> mean_, square_;
  int64_t steps_ = 0;
};

/// AdaRound (Nagel et al., 2020, equations 21-24) of a weight on a fixed grid.
class LearnedRounding {
 public:
  /// `weight` float32 [out, in]; starts at the weight itself, h(V) = its fraction.
  LearnedRounding(const at::Tensor& weight, const Grid& grid, const Encoding& encoding);
  at::Tensor& parameter() { return logits_; }
  /// The values at clamp(floor(steps) + h(V)).
  at::Tensor weight() const;
  /// The regulariser sum(1 - |2h - 1|^beta) at a step: 0 in the first fifth of the iterations, then
  /// beta falls from 20 to 2.
  at::Tensor regulariser(int64_t step, int64_t iterations) const;
  /// h(V) rounded to 0 or 1.
  QuantizedLinear rounded() const;

 private:
  at::Tensor up() const;  // h(V)
  Grid grid_;
  Encoding encoding_;
  Rounder rounder_;
  at::Tensor floor_, logits_;  // [out, groups, columns]
};

/// The grid of a weight whose groups' ranges are multiplied by learned factors.
class LearnedRange {
 public:
  LearnedRange(const at::Tensor& weight, const GridOptions& options, const std::string& where);
  /// Of factors [out, groups] in (0, 1], with gradients for them where they have them: the values
  /// are those of the grid as Float codes store it. Groups of one value keep the grid on which they
  /// are exact.
  Grid grid(const at::Tensor& low_factor, const at::Tensor& high_factor) const;
  /// The same without gradients, its scales stored.
  Grid stored(const at::Tensor& low_factor, const at::Tensor& high_factor) const;
  at::Tensor ones() const;  // float32 [out, groups]

 private:
  GridOptions options_;
  at::Tensor weight_;
  Grid whole_;
  at::Tensor low_, high_, constant_;  // [out, groups]
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
  Encoding encoding_;
  Rounder rounder_;
  at::Tensor weight_;  // [out, in]
  LearnedRange range_;
  at::Tensor low_logits_, high_logits_;  // [out, groups]
};

}  // namespace mpq
