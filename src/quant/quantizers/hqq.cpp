// HQQ (Badri & Shaji, 2023): half-quadratic optimisation of the zero points; needs no data
// (methods.md, 4).
#include <ATen/ATen.h>

#include "mpq/quant/grid.h"
#include "mpq/quant/scheme_options.h"

namespace mpq {
namespace {

class Hqq final : public Quantizer {
 public:
  struct Options : SchemeOptions {
    bool integer = true;
    double p = 0.7;
    double beta = 10;
    double kappa = 1.01;
    int iterations = 20;
    template <class Field>
    void visit(Field&& field) {
      SchemeOptions::visit(field);
      field("integer", integer,
            "round the zero points in the end, which every format holds; false: as published");
      field("p", p, "norm of the error that is lowered");
      field("beta", beta, "first penalty of the half-quadratic split");
      field("kappa", kappa, "growth of beta");
      field("iterations", iterations, "at most; ends when the error grows");
    }
  };

  explicit Hqq(const Options& options) : options_(options), scheme_(options.scheme()) {
    require(options.p > 0 && options.p <= 1 && options.beta > 0 && options.kappa >= 1 &&
                options.iterations >= 1,
            ErrorCode::Usage, "hqq: an option is out of range");
    // A symmetric grid has no zero point to optimise: it is rounded to nearest.
    scheme_.float_zero = !options.integer && !scheme_.symmetric;
  }

  Scheme scheme() const override { return scheme_; }

  QuantizedLinear quantize(const QuantProblem& problem) const override {
    Scheme whole = scheme_;
    whole.float_zero = false;
    const Grid start =
        choose_grid(problem.weight, {whole, false, problem.scale_dtype}, problem.name);
    if (scheme_.symmetric) return round_to_grid(problem.weight, start, scheme_);
    const int64_t groups = start.scale.size(1);
    const int64_t out = problem.weight.size(0);
    const auto weight = problem.weight.reshape({out, groups, problem.weight.size(1) / groups});
    const auto scale = start.scale.unsqueeze(2);
    const double top = static_cast<double>((1 << scheme_.bits) - 1);
    const auto codes_of = [&](const at::Tensor& zero) {
      return (weight / scale + zero).round_().clamp_(0, top);
    };
    at::Tensor zero = first_zero(problem.weight, start, groups);
    optimise(weight, scale, codes_of, zero);
    zero =
        options_.integer ? zero.round().clamp(0, top) : zero.to(problem.scale_dtype).to(at::kFloat);
    // Where the grid's own zero point is better it stays: in constant groups, and often where
    // rounding undid the gain.
    if (options_.integer || constant_groups(weight).any().item<bool>()) {
      const auto error_of = [&](const at::Tensor& tried) {
        return (weight - (codes_of(tried) - tried) * scale).abs().mean(2, true);
      };
      const auto own = start.zero.unsqueeze(2);
      zero = at::where(error_of(zero) < error_of(own), zero, own);
    }
    return {scheme_, codes_of(zero).to(at::kByte).view({out, -1}), start.scale,
            zero.squeeze(2).to(options_.integer ? at::kByte : at::kFloat)};
  }

 private:
  /// -min / scale, not rounded: [out, groups, 1].
  static at::Tensor first_zero(const at::Tensor& weight, const Grid& grid, int64_t groups) {
    return (-group_ranges(weight, groups).first / grid.scale).unsqueeze(2);
  }

  static at::Tensor constant_groups(const at::Tensor& weight) {
    return at::eq(weight.amax(2, true), weight.amin(2, true));
  }

  /// Alternates the p-norm's proximal step on the error and the zero's mean (HQQ, equations 6-9).
  template <class CodesOf>
  void optimise(const at::Tensor& weight, const at::Tensor& scale, const CodesOf& codes_of,
                at::Tensor& zero) const {
    double beta = options_.beta;
    double least = 1e300;
    at::Tensor current = zero;
    for (int i = 0; i < options_.iterations; ++i, beta *= options_.kappa) {
      const auto codes = codes_of(current);
      const auto error = weight - (codes - current) * scale;
      const double size = error.abs().mean().template item<double>();
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
  Scheme scheme_;
};

MPQ_REGISTER(Quantizer, Hqq, "hqq", "half-quadratic zero points, no calibration data");

}  // namespace
}  // namespace mpq
