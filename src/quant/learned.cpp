// Differentiable building blocks.
#include "mpq/quant/learned.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "mpq/core/error.h"
#include "mpq/core/log.h"

namespace mpq {
namespace {

// AdaRound's stretch of the sigmoid.
constexpr double kZeta = 1.1;
constexpr double kGamma = -0.1;
// LWC's logits start where the sigmoid is 0.982.
constexpr double kFirstLogit = 4.0;

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

at::Tensor by_group(const at::Tensor& weight, int64_t groups) {
  return weight.reshape({weight.size(0), groups, weight.size(1) / groups});
}

at::Tensor round_straight_through(const at::Tensor& x) { return x + (x.round() - x).detach(); }

QuantizedLinear learn_alone(const QuantProblem& problem, int steps, LearnedLinear& linear) {
  require(problem.hessian != nullptr, ErrorCode::Internal, "{}: learning needs a Hessian",
          problem.name);
  const at::Tensor hessian = problem.hessian->matrix();
  const auto row_errors = [&](const at::Tensor& weight) {
    const auto difference = weight - problem.weight;
    return (at::mm(difference, hessian) * difference).sum(1) / 2;
  };
  const QuantizedLinear start = linear.rounded();
  {
    const at::AutoGradMode gradients(true);
    for (int step = 0; step < steps; ++step) {
      check_interrupt();
      at::Tensor loss = row_errors(linear.weight()).sum();
      const at::Tensor regulariser = linear.regulariser(step);
      if (regulariser.defined()) loss = loss + regulariser;
      loss.backward();
      linear.step(step);
    }
  }
  const at::NoGradGuard no_gradients;
  QuantizedLinear learned = linear.rounded();
  const at::Tensor keep = row_errors(dequantize(learned)) < row_errors(dequantize(start));
  keep_rows(keep.unsqueeze(1), start, learned);
  return learned;
}

double late_decay(int step, int iterations) {
  return std::min(1.0, 4 * (1 - static_cast<double>(step) / iterations));
}

void Adam::step(double share) {
  constexpr double kBeta1 = 0.9;
  constexpr double kBeta2 = 0.999;
  constexpr double kEpsilon = 1e-8;
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
    const at::Tensor gradient = value.grad();
    if (!gradient.defined()) continue;
    mean_[i].mul_(kBeta1).add_(gradient, 1 - kBeta1);
    square_[i].mul_(kBeta2).addcmul_(gradient, gradient, 1 - kBeta2);
    value.addcdiv_(mean_[i], (square_[i].sqrt() * correction).add_(kEpsilon),
                   -rate * share * growth);
    value.mutable_grad() = at::Tensor();
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

LearnedRange::LearnedRange(const at::Tensor& weight, const GridOptions& options,
                           const std::string& where)
    : options_(options), whole_(choose_grid(weight, options, where)) {
  const auto groups = whole_.scale.size(1);
  std::tie(low_, high_) = group_ranges(weight, groups);
  const auto grouped = by_group(weight, groups);
  constant_ = std::get<0>(grouped.min(2)) == std::get<0>(grouped.max(2));
}

Grid LearnedRange::grid(const at::Tensor& low_factor, const at::Tensor& high_factor) const {
  const auto low = low_ * low_factor;
  const auto high = high_ * high_factor;
  Grid grid = grid_of_range(low.detach(), high.detach(), options_);
  // A symmetric grid has the gradient of the side that sets its size.
  const auto reach =
      (options_.scheme.symmetric ? at::maximum(high, -low) : high - low).clamp_min(1e-12);
  grid.scale = grid.scale * (reach / reach.detach());
  if (!options_.scheme.symmetric) {
    const auto zero = -low / grid.scale;
    grid.zero = grid.zero + (zero - zero.detach());
  }
  return {at::where(constant_, whole_.scale, grid.scale),
          at::where(constant_, whole_.zero, grid.zero)};
}

LearnedClipping::LearnedClipping(const at::Tensor& weight, const GridOptions& options,
                                 const std::string& where)
    : scheme_(options.scheme), weight_(weight), range_(weight, options, where) {
  low_logits_ = learnable(range_.ones() * kFirstLogit);
  high_logits_ = learnable(range_.ones() * kFirstLogit);
}

Grid LearnedClipping::grid() const {
  return range_.grid(at::sigmoid(low_logits_), at::sigmoid(high_logits_));
}

at::Tensor LearnedClipping::weight() const {
  const Grid grid = this->grid();
  const auto scale = grid.scale.unsqueeze(2);
  const auto zero = grid.zero.unsqueeze(2);
  const auto steps = by_group(weight_, grid.scale.size(1)) / scale;
  const auto codes = (round_straight_through(steps) + zero).clamp(0, top_of(scheme_));
  return flat((codes - zero) * scale);
}

QuantizedLinear LearnedClipping::rounded() const {
  const at::NoGradGuard no_gradients;
  return round_to_grid(weight_, grid(), scheme_);
}

}  // namespace mpq
