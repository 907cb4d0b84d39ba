#pragma once
// Weights that make up for the quantized layers before them.
#include "mpq/calib/sequence_group.h"
#include "mpq/model/config.h"
#include "mpq/quant/quantizer.h"

namespace mpq {

/// Whether a stage's output is added to the residual as it is, without a norm in between.
bool adds_to_residual(const ModelConfig& config, Stage stage);

/// One stage in two models: the full-precision one, with inputs f and residuals r_f, and the one
/// being quantized, with inputs x and residuals r. Holds references.
class StageAim {
 public:
  StageAim(const std::vector<SequenceGroup>& groups, const GroupStates& states,
           const GroupStates& full, double text_share, bool with_residual)
      : groups_(groups),
        states_(states),
        full_(full),
        text_share_(text_share),
        with_residual_(with_residual) {}

  /// The weight [out, in] whose output for x is nearest, in damped least squares over the tokens of
  /// the problem's Hessian H = 2 E[x x^T], to the full-precision model's W f, with the residuals
  /// where they count: W + (W D + R)(H + 0.1 mean diag(H))^-1, D = 2 E[(f - x) x^T],
  /// R = 2 E[(r_f - r) x^T]. GPTAQ (Li et al., 2025, arXiv 2504.02692) aims at W f so; the residual
  /// is ours. The weight itself when H has no factor.
  at::Tensor weight(const QuantProblem& problem);

 private:
  void gather();

  const std::vector<SequenceGroup>& groups_;
  const GroupStates& states_;
  const GroupStates& full_;
  double text_share_;
  bool with_residual_;
  at::Tensor input_lack_;     // D, float32 [in, in]; undefined until gathered
  at::Tensor residual_lack_;  // R, float32 [hidden, in]; undefined without residual
};

}  // namespace mpq
