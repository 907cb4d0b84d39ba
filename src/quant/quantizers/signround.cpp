// SignRound (Cheng et al., 2024, AutoRound): rounding offsets and range factors learned by signed
// gradient steps on the block's output.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "mpq/quant/learned.h"

namespace mpq {
namespace {

class SignRound final : public Quantizer {
 public:
  struct Options {
    int iterations = 200;
    double rate = 0;
    template <class Field>
    void visit(Field&& field) {
      field("iterations", iterations, "signed gradient steps");
      field("rate", rate, "first step size, falling to 0; 0: 1 / iterations");
    }
  };

  explicit SignRound(const Options& options) : options_(options) {
    require(options.iterations >= 1 && options.rate >= 0, ErrorCode::Usage,
            "signround: expected iterations above 0 and a rate of 0 or more");
  }

  InputNeeds needs() const override { return {.steps = options_.iterations}; }

  QuantizedLinear quantize(const QuantProblem& problem) const override {
    Learned learned(problem, options_);
    return learn_alone(problem, options_.iterations, learned);
  }
  std::unique_ptr<LearnedLinear> learn(const QuantProblem& problem) const override {
    return std::make_unique<Learned>(problem, options_);
  }

 private:
  class Learned final : public LearnedLinear {
   public:
    Learned(const QuantProblem& problem, const Options& options)
        : options_(options),
          encoding_(problem.encoding),
          rounder_(encoding_),
          weight_(problem.weight),
          range_(weight_, {problem.encoding, false, diagonal_of(problem)}, problem.name),
          offset_(at::zeros_like(weight_).requires_grad_()),
          low_factor_(range_.ones().requires_grad_()),
          high_factor_(range_.ones().requires_grad_()) {}

    at::Tensor weight() const override {
      const Grid grid = range_.grid(low_factor_, high_factor_);
      return rounder_.values(codes_on(grid), grid).flatten(1);
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
      const Grid grid = range_.stored(low_factor_, high_factor_);
      return {encoding_, codes_on(grid).flatten(1).to(at::kByte), grid};
    }

   private:
    /// [out, groups, columns], with straight-through gradients.
    at::Tensor codes_on(const Grid& grid) const {
      const int64_t groups = grid.scale.size(1);
      const auto steps = rounder_.steps(by_group(weight_, groups), grid);
      return round_straight_through(steps + by_group(offset_, groups)).clamp(0, rounder_.top());
    }

    Options options_;
    Encoding encoding_;
    Rounder rounder_;
    at::Tensor weight_;
    LearnedRange range_;
    at::Tensor offset_;                    // [out, in], added before rounding
    at::Tensor low_factor_, high_factor_;  // [out, groups], of the range
  };

  Options options_;
};

MPQ_REGISTER(Quantizer, SignRound, "signround",
             "learned rounding and ranges by signed gradient steps on the block's output");

}  // namespace
}  // namespace mpq
