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
      field("iterations", iterations, "signed gradient steps");
      field("rate", rate, "first step size, falling to 0; 0: 1 / iterations");
    }
  };

  explicit SignRound(const Options& options) : options_(options), scheme_(options.scheme()) {
    require(options.iterations >= 1 && options.rate >= 0, ErrorCode::Usage,
            "signround: expected iterations above 0 and a rate of 0 or more");
  }

  Scheme scheme() const override { return scheme_; }
  InputNeeds needs() const override { return {.steps = options_.iterations}; }

  QuantizedLinear quantize(const QuantProblem& problem) const override {
    Learned learned(problem, options_, scheme_);
    return learn_alone(problem, options_.iterations, learned);
  }
  std::unique_ptr<LearnedLinear> learn(const QuantProblem& problem) const override {
    return std::make_unique<Learned>(problem, options_, scheme_);
  }

 private:
  class Learned final : public LearnedLinear {
   public:
    Learned(const QuantProblem& problem, const Options& options, const Scheme& scheme)
        : options_(options),
          scheme_(scheme),
          weight_(problem.weight),
          range_(weight_, {scheme, false, problem.scale_dtype}, problem.name),
          offset_(at::zeros_like(weight_).requires_grad_()),
          low_factor_(range_.ones().requires_grad_()),
          high_factor_(range_.ones().requires_grad_()) {}

    at::Tensor weight() const override {
      const Grid grid = range_.grid(low_factor_, high_factor_);
      return ((codes_on(grid) - grid.zero.unsqueeze(2)) * grid.scale.unsqueeze(2)).flatten(1);
    }

    void step(int step) override {
      const at::NoGradGuard no_gradients;
      const double rate = options_.rate > 0 ? options_.rate : 1.0 / options_.iterations;
      const double size = rate * (1 - static_cast<double>(step) / options_.iterations);
      const auto move = [size](at::Tensor& value, double least, double most) {
        value.sub_(value.grad().sign(), size).clamp_(least, most);
        value.mutable_grad() = at::Tensor();
      };
      constexpr double kLeastRange = 0.1;
      move(offset_, -0.5, 0.5);
      move(low_factor_, kLeastRange, 1);
      move(high_factor_, kLeastRange, 1);
    }

    QuantizedLinear rounded() const override {
      const at::NoGradGuard no_gradients;
      const Grid grid = range_.grid(low_factor_, high_factor_);
      return {scheme_, codes_on(grid).flatten(1).to(at::kByte), grid.scale,
              grid.zero.to(at::kByte)};
    }

   private:
    /// [out, groups, columns], with straight-through gradients.
    at::Tensor codes_on(const Grid& grid) const {
      const int64_t groups = grid.scale.size(1);
      const auto steps =
          by_group(weight_, groups) / grid.scale.unsqueeze(2) + by_group(offset_, groups);
      return (round_straight_through(steps) + grid.zero.unsqueeze(2))
          .clamp(0, static_cast<double>((1 << scheme_.bits) - 1));
    }

    Options options_;
    Scheme scheme_;
    at::Tensor weight_;
    LearnedRange range_;
    at::Tensor offset_;                    // [out, in], added before rounding
    at::Tensor low_factor_, high_factor_;  // [out, groups], of the range
  };

  Options options_;
  Scheme scheme_;
};

MPQ_REGISTER(Quantizer, SignRound, "signround",
             "learned rounding and ranges by signed gradient steps on the block's output");

}  // namespace
}  // namespace mpq
