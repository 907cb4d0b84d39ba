// Hessian and magnitudes of a stage's inputs.
#include "mpq/calib/stage_inputs.h"

#include <ATen/ATen.h>

#include "mpq/core/error.h"

namespace mpq {

std::shared_ptr<const Hessian> StageInputs::finite_hessian(const std::string& name) const {
  const at::Tensor matrix = stage_hessian(groups_, states_, text_share_);
  require(at::isfinite(matrix).all().item<bool>(), ErrorCode::Numeric,
          "{}: its inputs on the calibration prompts hold NaN or infinity (or squares beyond "
          "float32); try --dtype float32, or check the checkpoint's weights",
          name);
  return std::make_shared<Hessian>(matrix);
}

void StageInputs::describe(const Unit& unit, const InputNeeds& needs, QuantProblem& problem) {
  if (needs.hessian && hessian_ == nullptr) hessian_ = finite_hessian(unit.name);
  if (needs.ranges && !mean_abs_.defined()) gather_ranges();
  if (needs.hessian) problem.hessian = hessian_;
  if (needs.ranges) {
    problem.mean_abs = mean_abs_;
    problem.max_abs = max_abs_;
  }
  if (needs.fisher) {
    require(fisher_ != nullptr, ErrorCode::Internal, "{}: its Fisher scores are not there",
            unit.name);
    const auto& block = (*fisher_)[static_cast<size_t>(unit.block)];
    problem.channel_fisher = at::zeros_like(block[unit.linears.front()]);
    for (const size_t linear : unit.linears) problem.channel_fisher += block[linear];
  }
}

/// Means of task and text are blended as Hessians are: each by its own mean.
void StageInputs::gather_ranges() {
  const int64_t in = states_.front().input.size(1);
  at::Tensor sums[2] = {at::zeros({in}, at::kFloat), at::zeros({in}, at::kFloat)};
  max_abs_ = at::zeros({in}, at::kFloat);
  for (size_t g = 0; g < groups_.size(); ++g) {
    const auto magnitude = states_[g].input.abs().to(at::kFloat).cpu();
    sums[groups_[g].text ? 1 : 0] += magnitude.sum(0);
    max_abs_ = at::maximum(max_abs_, magnitude.amax(0));
  }
  const double task = sums[0].mean().item<double>();
  const double text = sums[1].mean().item<double>();
  if (text == 0 || text_share_ == 0) {
    mean_abs_ = sums[0];
  } else if (task == 0 || text_share_ == 1) {
    mean_abs_ = sums[1];
  } else {
    mean_abs_ = sums[0] * ((1 - text_share_) / task) + sums[1] * (text_share_ / text);
  }
}

}  // namespace mpq
