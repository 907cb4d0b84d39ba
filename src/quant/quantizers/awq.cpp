// AWQ (Lin et al., 2024): input channels are scaled by a power of their mean magnitude, then every
// group's range is clipped; both by the least output error (methods.md, 4).
#include <ATen/ATen.h>

#include <limits>

#include "mpq/quant/grid.h"
#include "mpq/quant/quantizer.h"

namespace mpq {
namespace {

/// tr(D H D^T): the output error of a weight error D [out, in].
double output_error(const at::Tensor& difference, const Hessian& hessian) {
  return (at::mm(difference, hessian.matrix()) * difference).sum(at::kDouble).item<double>();
}

class Awq final : public Quantizer {
 public:
  struct Options {
    int steps = 20;
    bool clip = true;
    template <class Field>
    void visit(Field&& field) {
      field("steps", steps, "exponents r tried in s = mean|x|^r: 0, 1/steps, 2/steps, ...");
      field("clip", clip, "clip every group's range by 1.0, 0.95 .. 0.55 afterwards");
    }
  };

  explicit Awq(const Options& options) : options_(options) {
    require(options.steps >= 1, ErrorCode::Usage, "awq: option steps: expected 1 or more, found {}",
            options.steps);
  }

  InputNeeds needs() const override { return {.hessian = true, .ranges = true}; }

  at::Tensor input_scale(const QuantProblem& problem) const override {
    const GridOptions grid{problem.encoding, false, diagonal_of(problem)};
    const auto error_with = [&](const at::Tensor& scale) {
      const auto scaled = problem.weight * scale;
      const auto rounded = round_to_nearest(scaled, grid, problem.name);
      return output_error(problem.weight - dequantize(rounded) / scale, *problem.hessian);
    };
    at::Tensor best;
    double least = std::numeric_limits<double>::infinity();
    for (int step = 0; step < options_.steps; ++step) {
      const at::Tensor scale = scale_of(problem.mean_abs, step);
      const double error = error_with(scale);
      if (error < least) {
        least = error;
        best = step == 0 ? at::Tensor() : scale;
      }
    }
    return best;
  }

  QuantizedLinear quantize(const QuantProblem& problem) const override {
    const GridOptions options{problem.encoding, false, diagonal_of(problem)};
    Grid grid = choose_grid(problem.weight, options, problem.name);
    if (options_.clip) clip(problem, options, grid);
    return round_to_grid(problem.weight, grid, problem.encoding);
  }

 private:
  /// mean|x|^r, scaled so that its largest and smallest have the geometric mean 1.
  at::Tensor scale_of(const at::Tensor& mean_abs, int step) const {
    constexpr double kLeast = 1e-4;
    const double exponent = static_cast<double>(step) / options_.steps;
    const auto scale = mean_abs.pow(exponent).clamp_min(kLeast);
    return scale / (scale.max() * scale.min()).sqrt();
  }

  /// For every row and group the range whose rounding gives the group's own output the least error.
  static void clip(const QuantProblem& problem, const GridOptions& options, Grid& grid) {
    const int64_t groups = grid.scale.size(1);
    const auto [low, high] = group_ranges(problem.weight, groups);
    const at::Tensor start = group_errors(problem, grid);
    at::Tensor least = start;
    Grid best = grid;
    for (int percent = 95; percent >= 55; percent -= 5) {
      const Grid tried =
          grid_of_range(low * (percent / 100.0), high * (percent / 100.0), options.encoding);
      const auto error = group_errors(problem, tried);
      const auto better = error < least;
      least = at::where(better, error, least);
      best = choose_groups(better, tried, best);
    }
    best = store_scales(problem.weight, best, options);
    // Where scales are stored together, clipping some groups may have cost the others.
    if (group_errors(problem, best).sum().item<double>() < start.sum().item<double>()) grid = best;
  }

  /// d_g H_gg d_g^T for every row and group, [out, groups].
  static at::Tensor group_errors(const QuantProblem& problem, const Grid& grid) {
    const auto error =
        problem.weight - dequantize(round_to_grid(problem.weight, grid, problem.encoding));
    const int64_t columns = group_columns(problem.encoding, error.size(1));
    std::vector<at::Tensor> errors;
    for (int64_t begin = 0; begin < error.size(1); begin += columns) {
      const auto own =
          problem.hessian->matrix().narrow(0, begin, columns).narrow(1, begin, columns);
      const auto part = error.narrow(1, begin, columns);
      errors.push_back((at::mm(part, own) * part).sum(1));
    }
    return at::stack(errors, 1);
  }

  Options options_;
};

MPQ_REGISTER(Quantizer, Awq, "awq", "activation-aware scaling and clipping, then round to nearest");

}  // namespace
}  // namespace mpq
