// Learned weight clipping (OmniQuant, Shao et al., 2024): every group's range is learned under the
// output error (methods.md, 3).
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <limits>

#include "mpq/quant/learned.h"
#include "mpq/quant/scheme_options.h"

namespace mpq {
namespace {

class Lwc final : public Quantizer {
 public:
  struct Options : SchemeOptions {
    int iterations = 500;
    double rate = 1e-2;
    template <class Field>
    void visit(Field&& field) {
      SchemeOptions::visit(field);
      field("iterations", iterations, "steps of Adam; the best one is kept");
      field("rate", rate, "of Adam");
    }
  };

  explicit Lwc(const Options& options) : options_(options), scheme_(options.scheme()) {
    require(options.iterations >= 1 && options.rate > 0, ErrorCode::Usage,
            "lwc: expected iterations and rate above 0");
  }

  Scheme scheme() const override { return scheme_; }
  InputNeeds needs() const override { return {.hessian = true}; }

  QuantizedLinear quantize(const QuantProblem& problem) const override {
    const at::AutoGradMode gradients(true);
    const GridOptions grid{scheme_, false, problem.scale_dtype};
    const QuantizedLinear nearest = round_to_nearest(problem.weight, grid, problem.name);
    QuantizedLinear best = nearest;
    double least = output_error(problem, dequantize(nearest), 0).item<double>();
    LearnedClipping clipping(problem.weight, grid, problem.name);
    std::vector<Adam::Parameter> parameters;
    for (const auto& logits : clipping.parameters()) parameters.push_back({logits, options_.rate});
    Adam adam(parameters);
    for (int step = 0; step < options_.iterations; ++step) {
      const at::Tensor loss = output_error(problem, clipping.weight(), step);
      const double value = loss.item<double>();
      if (value < least) {
        least = value;
        best = clipping.rounded();
      }
      adam.step(loss);
    }
    return better_rows(problem, best, nearest);
  }

 private:
  Options options_;
  Scheme scheme_;
};

MPQ_REGISTER(Quantizer, Lwc, "lwc", "learned clipping of every group's range");

}  // namespace
}  // namespace mpq
