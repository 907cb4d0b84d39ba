// SignRound (Cheng et al., 2024, AutoRound): rounding offsets and range factors learned by signed
// gradient steps on the block's output.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "mpq/quant/learned.h"
#include "mpq/quant/scheme_options.h"

namespace mpq {
namespace {

class SignRound final : public Quantizer {
 public:
  struct Options : SchemeOptions {
    int iterations = 200;
    double rate = 0;
    template <class Field>
    void visit(Field&& field) {
      SchemeOptions::visit(field);
      field("iterations", iterations, "signed gradient steps; the best one is kept");
      field("rate", rate, "first step size, falling to 0; 0: 1 / iterations");
    }
  };

  explicit SignRound(const Options& options) : options_(options), scheme_(options.scheme()) {
    require(options.iterations >= 1 && options.rate >= 0, ErrorCode::Usage,
            "signround: expected iterations above 0 and a rate of 0 or more");
  }

  Scheme scheme() const override { return scheme_; }
  InputNeeds needs() const override { return {.hessian = true, .block = true}; }

  QuantizedLinear quantize(const QuantProblem& problem) const override {
    const at::AutoGradMode gradients(true);
    const GridOptions options{scheme_, false, problem.scale_dtype};
    const Grid start = choose_grid(problem.weight, options, problem.name);
    const int64_t groups = start.scale.size(1);
    const auto [low, high] = group_ranges(problem.weight, groups);
    Parameters now{at::zeros_like(problem.weight), at::ones_like(low), at::ones_like(high)};
    QuantizedLinear best = round_to_grid(problem.weight, start, scheme_);
    double least = 1e300;
    const double rate = options_.rate > 0 ? options_.rate : 1.0 / options_.iterations;
    for (int step = 0; step < options_.iterations; ++step) {
      for (auto* tensor : now.all()) tensor->requires_grad_();
      const Grid grid = grid_of_range(low * now.low.detach(), high * now.high.detach(), options);
      const at::Tensor loss = output_error(problem, rounded(problem, grid, now, low, high), step);
      const double value = loss.item<double>();
      loss.backward();
      const at::NoGradGuard no_gradients;
      if (value < least) {
        least = value;
        best = codes_of(problem.weight, grid, now.offset);
      }
      const double size = rate * (1 - static_cast<double>(step) / options_.iterations);
      now.offset = (now.offset.detach() - now.offset.grad().sign() * size).clamp(-0.5, 0.5);
      now.low = (now.low.detach() - now.low.grad().sign() * size).clamp(kLeastRange, 1);
      now.high = (now.high.detach() - now.high.grad().sign() * size).clamp(kLeastRange, 1);
    }
    return better_rows(problem, best, round_to_grid(problem.weight, start, scheme_));
  }

 private:
  static constexpr double kLeastRange = 0.1;

  struct Parameters {
    at::Tensor offset;     // [out, in], added before rounding
    at::Tensor low, high;  // [out, groups], factors of the range
    std::vector<at::Tensor*> all() { return {&offset, &low, &high}; }
  };

  double top() const { return static_cast<double>((1 << scheme_.bits) - 1); }

  at::Tensor grouped(const at::Tensor& x, const Grid& grid) const {
    const int64_t groups = grid.scale.size(1);
    return x.reshape({x.size(0), groups, x.size(1) / groups});
  }

  /// The rounded weight with straight-through gradients for all parameters; its values are those of
  /// the stored grid.
  at::Tensor rounded(const QuantProblem& problem, const Grid& grid, const Parameters& now,
                     const at::Tensor& low, const at::Tensor& high) const {
    const at::Tensor reach = scheme_.symmetric ? at::maximum(high * now.high, -low * now.low)
                                               : high * now.high - low * now.low;
    const auto size = reach.clamp_min(1e-12);
    const auto scale = (grid.scale.detach() * (size / size.detach())).unsqueeze(2);
    const auto zero = grid.zero.detach().unsqueeze(2);
    const auto steps = grouped(problem.weight, grid) / scale + grouped(now.offset, grid);
    const auto codes = (round_straight_through(steps) + zero).clamp(0, top());
    return ((codes - zero) * scale).flatten(1);
  }

  QuantizedLinear codes_of(const at::Tensor& weight, const Grid& grid,
                           const at::Tensor& offset) const {
    const auto steps = grouped(weight, grid) / grid.scale.unsqueeze(2) + grouped(offset, grid);
    const auto codes = (steps.round() + grid.zero.unsqueeze(2)).clamp(0, top());
    return {scheme_, codes.flatten(1).to(at::kByte), grid.scale.detach(),
            grid.zero.detach().to(at::kByte)};
  }

  Options options_;
  Scheme scheme_;
};

MPQ_REGISTER(Quantizer, SignRound, "signround",
             "learned rounding and ranges by signed gradient steps on the block's output");

}  // namespace
}  // namespace mpq
