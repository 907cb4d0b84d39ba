// Differentiable building blocks.
#include "mpq/quant/learned.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

namespace mpq {
namespace {

// AdaRound's stretch of the sigmoid.
constexpr double kZeta = 1.1;
constexpr double kGamma = -0.1;
// LWC's logits start where the sigmoid is 0.982.
constexpr double kFirstLogit = 4.0;

at::Tensor by_group(const at::Tensor& weight, int64_t groups) {
  return weight.reshape({weight.size(0), groups, weight.size(1) / groups});
}

at::Tensor flat(const at::Tensor& grouped) { return grouped.flatten(1); }

at::Tensor learnable(const at::Tensor& start) { return start.detach().clone().requires_grad_(); }

double top_of(const Scheme& scheme) { return static_cast<double>((1 << scheme.bits) - 1); }

/// Rows [out, 1] that are not kept become the other's.
void keep_rows(const at::Tensor& keep, const QuantizedLinear& other, QuantizedLinear& linear) {
  for (size_t i = 0; i < linear.pieces.size(); ++i)
    keep_rows(keep, other.pieces[i], linear.pieces[i]);
  if (!linear.pieces.empty()) return;
  linear.codes = at::where(keep, linear.codes, other.codes);
  linear.scale = at::where(keep, linear.scale, other.scale);
  linear.zero = at::where(keep, linear.zero, other.zero);
}

}  // namespace

at::Tensor round_straight_through(const at::Tensor& x) { return x + (x.round() - x).detach(); }

at::Tensor output_error(const QuantProblem& problem, const at::Tensor& weight, int64_t step) {
  if (problem.block_error) return problem.block_error(weight, step);
  const auto difference = weight - problem.weight;
  return (at::mm(difference, problem.hessian->matrix()) * difference).sum() / 2;
}

QuantizedLinear better_rows(const QuantProblem& problem, QuantizedLinear learned,
                            const QuantizedLinear& nearest) {
  if (problem.hessian == nullptr || problem.block_error) return learned;
  const at::NoGradGuard no_gradients;
  const auto row_errors = [&](const QuantizedLinear& linear) {
    const auto difference = dequantize(linear) - problem.weight;
    return (at::mm(difference, problem.hessian->matrix()) * difference).sum(1);
  };
  keep_rows((row_errors(learned) < row_errors(nearest)).unsqueeze(1), nearest, learned);
  return learned;
}

void Adam::step(const at::Tensor& loss) {
  constexpr double kBeta1 = 0.9;
  constexpr double kBeta2 = 0.999;
  constexpr double kEpsilon = 1e-8;
  for (auto& [value, rate] : parameters_) value.mutable_grad() = at::Tensor();
  loss.backward();
  const at::NoGradGuard no_gradients;
  if (mean_.empty()) {
    for (const auto& [value, rate] : parameters_) {
      mean_.push_back(at::zeros_like(value));
      square_.push_back(at::zeros_like(value));
    }
  }
  ++steps_;
  const double growth = 1 / (1 - std::pow(kBeta1, steps_));
  const double correction = 1 / std::sqrt(1 - std::pow(kBeta2, steps_));
  for (size_t i = 0; i < parameters_.size(); ++i) {
    auto& [value, rate] = parameters_[i];
    const auto& gradient = value.grad();
    if (!gradient.defined()) continue;
    mean_[i].mul_(kBeta1).add_(gradient, 1 - kBeta1);
    square_[i].mul_(kBeta2).addcmul_(gradient, gradient, 1 - kBeta2);
    value.addcdiv_(mean_[i], (square_[i].sqrt() * correction).add_(kEpsilon), -rate * growth);
  }
}

LearnedRounding::LearnedRounding(const at::Tensor& weight, const Grid& grid, const Scheme& scheme)
    : grid_(grid), scheme_(scheme) {
  const auto steps = by_group(weight, grid.scale.size(1)) / grid.scale.unsqueeze(2);
  floor_ = steps.floor();
  const auto share = ((steps - floor_) - kGamma) / (kZeta - kGamma);
  logits_ = learnable(at::log(share / (1 - share)));
}

at::Tensor LearnedRounding::up() const {
  return (at::sigmoid(logits_) * (kZeta - kGamma) + kGamma).clamp(0, 1);
}

at::Tensor LearnedRounding::weight() const {
  const auto zero = grid_.zero.unsqueeze(2);
  const auto codes = (floor_ + up() + zero).clamp(0, top_of(scheme_));
  return flat((codes - zero) * grid_.scale.unsqueeze(2));
}

at::Tensor LearnedRounding::regulariser(int64_t step, int64_t iterations) const {
  constexpr double kFirstBeta = 20;
  constexpr double kLastBeta = 2;
  const int64_t warm = iterations / 5;
  if (step < warm) return at::zeros({}, logits_.options());
  const double done = static_cast<double>(step - warm) / static_cast<double>(iterations - warm);
  const double beta = kFirstBeta + (kLastBeta - kFirstBeta) * done;
  return (1 - (2 * up() - 1).abs().pow(beta)).sum();
}

QuantizedLinear LearnedRounding::rounded() const {
  const at::NoGradGuard no_gradients;
  const auto codes = (floor_ + up().ge(0.5) + grid_.zero.unsqueeze(2)).clamp(0, top_of(scheme_));
  return {scheme_, flat(codes).to(at::kByte), grid_.scale, grid_.zero.to(at::kByte)};
}

LearnedClipping::LearnedClipping(const at::Tensor& weight, const GridOptions& options,
                                 const std::string& where)
    : options_(options), weight_(weight) {
  const auto groups = group_count(options.scheme, weight.size(1), where);
  std::tie(low_, high_) = group_ranges(weight, groups);
  low_logits_ = learnable(at::full_like(low_, kFirstLogit));
  high_logits_ = learnable(at::full_like(high_, kFirstLogit));
}

at::Tensor LearnedClipping::weight() const {
  const double top = top_of(options_.scheme);
  const auto low = at::sigmoid(low_logits_) * low_;
  const auto high = at::sigmoid(high_logits_) * high_;
  const Grid fixed = grid_of_range(low.detach(), high.detach(), options_);
  at::Tensor scale;
  at::Tensor zero;
  if (options_.scheme.symmetric) {
    // The size of the fixed grid, with the gradient of the side that sets it.
    const auto reach = at::maximum(high, -low).clamp_min(1e-12);
    scale = fixed.scale * (reach / reach.detach());
    zero = fixed.zero;
  } else {
    const auto step = ((high - low) / top).clamp_min(1e-12);
    scale = step + (fixed.scale - step).detach();
    zero = round_straight_through(-low / scale).clamp(0, top);
  }
  const auto grouped = by_group(weight_, low_.size(1));
  const auto codes =
      (round_straight_through(grouped / scale.unsqueeze(2)) + zero.unsqueeze(2)).clamp(0, top);
  return flat((codes - zero.unsqueeze(2)) * scale.unsqueeze(2));
}

QuantizedLinear LearnedClipping::rounded() const {
  const at::NoGradGuard no_gradients;
  const Grid grid =
      grid_of_range(at::sigmoid(low_logits_) * low_, at::sigmoid(high_logits_) * high_, options_);
  return round_to_grid(weight_, grid, options_.scheme);
}

}  // namespace mpq
