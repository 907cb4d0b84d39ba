// AdaRound (Nagel et al., 2020): whether each weight is rounded up or down is learned under the
// output error (methods.md, 3).
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "mpq/quant/learned.h"
#include "mpq/quant/scheme_options.h"

namespace mpq {
namespace {

class AdaRound final : public Quantizer {
 public:
  struct Options : SchemeOptions {
    int iterations = 5000;
    double rate = 1e-3;
    double lambda = 0.01;
    bool mse = false;
    template <class Field>
    void visit(Field&& field) {
      SchemeOptions::visit(field);
      field("iterations", iterations, "steps of Adam; the regulariser joins after a fifth of them");
      field("rate", rate, "of Adam");
      field("lambda", lambda, "weight of sum(1 - |2h - 1|^beta), beta from 20 down to 2");
      field("mse", mse, "choose group ranges by the shrink search first");
    }
  };

  explicit AdaRound(const Options& options) : options_(options), scheme_(options.scheme()) {
    require(options.iterations >= 1 && options.rate > 0 && options.lambda >= 0, ErrorCode::Usage,
            "adaround: expected iterations and rate above 0 and lambda of 0 or more");
  }

  Scheme scheme() const override { return scheme_; }
  InputNeeds needs() const override { return {.hessian = true}; }

  QuantizedLinear quantize(const QuantProblem& problem) const override {
    const at::AutoGradMode gradients(true);
    const Grid grid =
        choose_grid(problem.weight, {scheme_, options_.mse, problem.scale_dtype}, problem.name);
    LearnedRounding rounding(problem.weight, grid, scheme_);
    Adam adam({{rounding.parameter(), options_.rate}});
    for (int step = 0; step < options_.iterations; ++step) {
      adam.step(output_error(problem, rounding.weight(), step) +
                options_.lambda * rounding.regulariser(step, options_.iterations));
    }
    return better_rows(problem, rounding.rounded(), round_to_grid(problem.weight, grid, scheme_));
  }

 private:
  Options options_;
  Scheme scheme_;
};

MPQ_REGISTER(Quantizer, AdaRound, "adaround", "learned rounding under the output error");

}  // namespace
}  // namespace mpq
