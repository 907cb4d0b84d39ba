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

}  // namespace

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
  const QuantizedLinear learned = linear.rounded();
  const at::Tensor keep = row_errors(dequantize(learned)) < row_errors(dequantize(start));
  return choose_rows(keep.unsqueeze(1), learned, start);
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

LearnedRounding::LearnedRounding(const at::Tensor& weight, const Grid& grid,
                                 const Encoding& encoding)
    : grid_(grid), encoding_(encoding), rounder_(encoding) {
  const auto steps = rounder_.steps(by_group(weight, grid.scale.size(1)), grid);
  floor_ = steps.floor();
  const auto share = ((steps - floor_) - kGamma) / (kZeta - kGamma);
  logits_ = learnable(at::log(share / (1 - share)));
}

at::Tensor LearnedRounding::up() const {
  return (at::sigmoid(logits_) * (kZeta - kGamma) + kGamma).clamp(0, 1);
}

at::Tensor LearnedRounding::weight() const {
  return flat(rounder_.values((floor_ + up()).clamp(0, rounder_.top()), grid_));
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
  const auto codes = (floor_ + up().ge(0.5)).clamp(0, rounder_.top());
  return {encoding_, flat(codes).to(at::kByte), grid_};
}

LearnedRange::LearnedRange(const at::Tensor& weight, const GridOptions& options,
                           const std::string& where)
    : options_(options), weight_(weight), whole_(choose_grid(weight, options, where)) {
  const auto groups = whole_.scale.size(1);
  std::tie(low_, high_) = group_ranges(weight, groups);
  const auto grouped = by_group(weight, groups);
  constant_ = std::get<0>(grouped.min(2)) == std::get<0>(grouped.max(2));
}

Grid LearnedRange::grid(const at::Tensor& low_factor, const at::Tensor& high_factor) const {
  const auto low = low_ * low_factor;
  const auto high = high_ * high_factor;
  const Encoding& encoding = options_.encoding;
  Grid grid = grid_of_range(low.detach(), high.detach(), encoding);
  // A symmetric grid has the gradient of the side that sets its size.
  const auto reach = (encoding.symmetric() ? at::maximum(high, -low) : high - low).clamp_min(1e-12);
  grid.scale = grid.scale * (reach / reach.detach());
  if (grid.offset.defined()) {
    grid.offset = grid.offset + (low - low.detach());
  } else if (!encoding.symmetric()) {
    const auto zero = -low / at::where(constant_, whole_.scale, grid.scale);
    grid.zero = grid.zero + (zero - zero.detach());
  }
  return choose_groups(constant_, whole_, grid);
}

at::Tensor LearnedRange::ones() const { return at::ones_like(low_); }

Grid LearnedRange::stored(const at::Tensor& low_factor, const at::Tensor& high_factor) const {
  const at::NoGradGuard no_gradients;
  return store_scales(weight_, grid(low_factor, high_factor), options_);
}

LearnedClipping::LearnedClipping(const at::Tensor& weight, const GridOptions& options,
                                 const std::string& where)
    : encoding_(options.encoding),
      rounder_(encoding_),
      weight_(weight),
      range_(weight, options, where) {
  low_logits_ = learnable(range_.ones() * kFirstLogit);
  high_logits_ = learnable(range_.ones() * kFirstLogit);
}

at::Tensor LearnedClipping::weight() const {
  const Grid grid = range_.grid(at::sigmoid(low_logits_), at::sigmoid(high_logits_));
  const auto steps = rounder_.steps(by_group(weight_, grid.scale.size(1)), grid);
  return flat(rounder_.values(round_straight_through(steps).clamp(0, rounder_.top()), grid));
}

QuantizedLinear LearnedClipping::rounded() const {
  const at::NoGradGuard no_gradients;
  const Grid grid = range_.stored(at::sigmoid(low_logits_), at::sigmoid(high_logits_));
  return round_to_grid(weight_, grid, encoding_);
}

}  // namespace mpq
