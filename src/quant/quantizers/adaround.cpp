// AdaRound (Nagel et al., 2020): whether each weight is rounded up or down is learned under the
// output error (methods.md, 3).
#include <ATen/ATen.h>

#include "mpq/quant/learned.h"

namespace mpq {
namespace {

class AdaRound final : public Quantizer {
 public:
  struct Options {
    int iterations = 5000;
    double rate = 1e-3;
    double lambda = 0.01;
    bool mse = false;
    template <class Field>
    void visit(Field&& field) {
      field("iterations", iterations, "steps of Adam; the regulariser joins after a fifth of them");
      field("rate", rate, "of Adam");
      field("lambda", lambda, "weight of sum(1 - |2h - 1|^beta), beta from 20 down to 2");
      field("mse", mse, "choose group ranges by the shrink search first");
    }
  };

  explicit AdaRound(const Options& options) : options_(options) {
    require(options.iterations >= 1 && options.rate > 0 && options.lambda >= 0, ErrorCode::Usage,
            "adaround: expected iterations and rate above 0 and lambda of 0 or more");
  }

  InputNeeds needs() const override { return {.hessian = true}; }

  QuantizedLinear quantize(const QuantProblem& problem) const override {
    Learned learned(problem, options_);
    return learn_alone(problem, options_.iterations, learned);
  }

 private:
  class Learned final : public LearnedLinear {
   public:
    Learned(const QuantProblem& problem, const Options& options)
        : options_(options),
          rounding_(
              problem.weight,
              choose_grid(problem.weight, {problem.encoding, options.mse, diagonal_of(problem)},
                          problem.name),
              problem.encoding),
          adam_({rounding_.parameter()}, options.rate) {}
    at::Tensor weight() const override { return rounding_.weight(); }
    at::Tensor regulariser(int step) const override {
      return options_.lambda * rounding_.regulariser(step, options_.iterations);
    }
    void step(int) override { adam_.step(); }
    QuantizedLinear rounded() const override { return rounding_.rounded(); }

   private:
    Options options_;
    LearnedRounding rounding_;
    Adam adam_;
  };

  Options options_;
};

MPQ_REGISTER(Quantizer, AdaRound, "adaround", "learned rounding under the output error");

}  // namespace
}  // namespace mpq
