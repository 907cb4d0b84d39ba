// HQQ (Badri & Shaji, 2023): half-quadratic optimisation of the zero points; needs no data
// (methods.md, 4).
#include <ATen/ATen.h>

#include "mpq/quant/grid.h"
#include "mpq/quant/quantizer.h"
#include "mpq/quant/rounder.h"

namespace mpq {
namespace {

class Hqq final : public Quantizer {
 public:
  struct Options {
    double p = 0.7;
    double beta = 10;
    double kappa = 1.01;
    int iterations = 20;
    template <class Field>
    void visit(Field&& field) {
      field("p", p, "norm of the error that is lowered");
      field("beta", beta, "first penalty of the half-quadratic split");
      field("kappa", kappa, "growth of beta");
      field("iterations", iterations, "at most; ends when the error grows");
    }
  };

  explicit Hqq(const Options& options) : options_(options) {
    require(options.p > 0 && options.p <= 1 && options.beta > 0 && options.kappa >= 1 &&
                options.iterations >= 1,
            ErrorCode::Usage, "hqq: an option is out of range");
  }

  Encoding encoding(const Encoding& asked) const override {
    require(!asked.hybrid(), ErrorCode::Usage, "hqq: hybrids are made by hir alone");
    return asked;
  }

  QuantizedLinear quantize(const QuantProblem& problem) const override {
    const Encoding& encoding = problem.encoding;
    Encoding begin = encoding;
    if (begin.zero == Zero::Real) begin.zero = Zero::Whole;
    const GridOptions options{begin};
    const Grid start = choose_grid(problem.weight, options, problem.name);
    // A symmetric grid has no zero point to optimise: it is rounded to nearest.
    if (encoding.symmetric()) return round_to_grid(problem.weight, start, encoding);
    const at::Tensor weight = by_group(problem.weight, start.scale.size(1));
    const at::Tensor low = group_ranges(problem.weight, start.scale.size(1)).first;
    const at::Tensor scale = at::where(start.scale == 0, 1.0, start.scale);
    at::Tensor zero = (-low / scale).unsqueeze(2);  // not rounded
    optimise(weight, scale.unsqueeze(2), top_code(encoding), zero);
    Grid best = start;
    if (encoding.zero == Zero::Offset) {
      best.offset = -(zero.squeeze(2) * start.scale);
      best = store_scales(problem.weight, best, options);
    } else if (encoding.zero == Zero::Whole) {
      best.zero = zero.squeeze(2).round().clamp(0, top_code(encoding));
    } else {
      best.zero = stored_as(zero.squeeze(2), encoding.scale_dtype);
    }
    return round_to_grid(problem.weight, better_of(weight, start, best, encoding), encoding);
  }

 private:
  /// Where the first grid is better it stays: in constant groups, and often where rounding undid
  /// the gain. Scales that are stored together stay together.
  static Grid better_of(const at::Tensor& weight, const Grid& start, Grid best,
                        const Encoding& encoding) {
    const bool constant = at::eq(weight.amax(2), weight.amin(2)).any().item<bool>();
    if (encoding.zero == Zero::Real && !constant) return best;
    const Rounder rounder(encoding);
    const auto error_of = [&](const Grid& grid) {
      return (weight - rounder.values(rounder.codes(weight, grid), grid)).abs().mean(2);
    };
    const at::Tensor better = error_of(best) < error_of(start);
    if (encoding.scale == ScaleCode::Sub) {
      return error_of(best).sum().item<double>() < error_of(start).sum().item<double>() ? best
                                                                                        : start;
    }
    return choose_groups(better, best, start);
  }

  /// Alternates the p-norm's proximal step on the error and the zero's mean (HQQ, equations 6-9).
  void optimise(const at::Tensor& weight, const at::Tensor& scale, double top,
                at::Tensor& zero) const {
    double beta = options_.beta;
    double least = 1e300;
    at::Tensor current = zero;
    for (int i = 0; i < options_.iterations; ++i, beta *= options_.kappa) {
      const auto codes = (weight / scale + current).round_().clamp_(0, top);
      const auto error = weight - (codes - current) * scale;
      const double size = error.abs().mean().item<double>();
      if (size >= least) break;
      least = size;
      zero = current;
      const auto magnitude = error.abs();
      const auto shrunk =
          error.sign() * (magnitude - magnitude.clamp_min(1e-12).pow(options_.p - 1) / beta).relu();
      current = (codes - (weight - shrunk) / scale).mean(2, /*keepdim=*/true);
    }
  }

  Options options_;
};

MPQ_REGISTER(Quantizer, Hqq, "hqq", "half-quadratic zero points, no calibration data");

}  // namespace
}  // namespace mpq
