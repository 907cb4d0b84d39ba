// Moments of what the quantized prefix lost, and the least-squares weight.
#include "mpq/calib/stage_aim.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "mpq/calib/hessian_accumulator.h"

namespace mpq {
namespace {

/// Rows per product, as for Hessians.
constexpr int64_t kRows = 4096;

/// Of H's mean diagonal: on nano-llama a tenth does better at 2 bits than GPTQ's hundredth.
constexpr double kDamp = 0.1;

/// sum over rows of (full - own) x^T, added to float32 `sum`. bfloat16 rows are multiplied as such:
/// the difference is a correction, and needs no more digits.
void add_lack(const at::Tensor& full, const at::Tensor& own, const at::Tensor& x, double weight,
              at::Tensor& sum) {
  const auto dtype = x.scalar_type() == at::kBFloat16 ? at::kBFloat16 : at::kFloat;
  if (!sum.defined()) sum = at::zeros({own.size(1), x.size(1)}, x.options().dtype(at::kFloat));
  for (int64_t begin = 0; begin < x.size(0); begin += kRows) {
    const int64_t count = std::min(kRows, x.size(0) - begin);
    const auto rows = [&](const at::Tensor& all) { return all.narrow(0, begin, count); };
    const auto lack = (rows(full).to(at::kFloat) - rows(own).to(at::kFloat)).to(dtype);
    sum.add_(at::mm(lack.t(), rows(x).to(dtype)).to(at::kFloat), weight);
  }
}

}  // namespace

bool adds_to_residual(const ModelConfig& config, Stage stage) {
  return (stage == Stage::AttentionOut && config.norm_after_attention.empty()) ||
         (stage == Stage::MlpOut && config.norm_after_mlp.empty());
}

at::Tensor StageAim::weight(const QuantProblem& problem) {
  const auto& factor = problem.hessian->factor(/*act_order=*/false, kDamp);
  if (!factor.upper.defined()) return problem.weight;
  if (!input_lack_.defined()) gather();
  const auto device = problem.weight.device();
  at::Tensor lack = at::mm(problem.weight, input_lack_.to(device));
  if (residual_lack_.defined()) lack += residual_lack_.to(device);
  return problem.weight + at::mm(at::mm(lack, factor.upper.t()), factor.upper);
}

void StageAim::gather() {
  double rows[2] = {0, 0};  // of task and of text
  double squares[2] = {0, 0};
  for (size_t g = 0; g < groups_.size(); ++g) {
    const at::Tensor& x = states_[g].input;
    rows[groups_[g].text ? 1 : 0] += static_cast<double>(x.size(0));
    squares[groups_[g].text ? 1 : 0] += x.to(at::kFloat).square().sum(at::kDouble).item<double>();
  }
  const double in = static_cast<double>(states_.front().input.size(1));
  const auto mean_diagonal = [&](int kind) {
    return rows[kind] == 0 ? 0 : 2 * squares[kind] / (rows[kind] * in);
  };
  const BlendWeights blend = blend_weights(mean_diagonal(0), mean_diagonal(1), text_share_);
  for (size_t g = 0; g < groups_.size(); ++g) {
    const double share = groups_[g].text ? blend.text : blend.task;
    if (share == 0) continue;
    const double weight = 2 * share / rows[groups_[g].text ? 1 : 0];
    const auto& x = states_[g].input;
    add_lack(full_[g].input, x, x, weight, input_lack_);
    if (with_residual_) add_lack(full_[g].residual, states_[g].residual, x, weight, residual_lack_);
  }
}

}  // namespace mpq
