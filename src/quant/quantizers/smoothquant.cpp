// SmoothQuant (Xiao et al., 2023, equation 4): the inputs' outliers move into the weight, then
// round to nearest.
#include <ATen/ATen.h>

#include "mpq/quant/grid.h"
#include "mpq/quant/quantizer.h"

namespace mpq {
namespace {

class SmoothQuant final : public Quantizer {
 public:
  struct Options {
    double alpha = 0.5;
    template <class Field>
    void visit(Field&& field) {
      field("alpha", alpha, "share of the inputs' range that moves: s = max|X|^a / max|W|^(1-a)");
    }
  };

  explicit SmoothQuant(const Options& options) : options_(options) {
    require(options.alpha >= 0 && options.alpha <= 1, ErrorCode::Usage,
            "smoothquant: option alpha: expected 0 to 1, found {}", options.alpha);
  }

  InputNeeds needs() const override { return {.ranges = true}; }

  at::Tensor input_scale(const QuantProblem& problem) const override {
    constexpr double kLeast = 1e-5;
    const auto inputs = problem.max_abs.clamp_min(kLeast);
    const auto weights = problem.weight.abs().amax(0).clamp_min(kLeast);
    return (inputs.pow(options_.alpha) / weights.pow(1 - options_.alpha)).clamp_min(kLeast);
  }

  QuantizedLinear quantize(const QuantProblem& problem) const override {
    const GridOptions options{problem.encoding};
    return round_to_nearest(problem.weight, options, problem.name);
  }

 private:
  Options options_;
};

MPQ_REGISTER(Quantizer, SmoothQuant, "smoothquant",
             "moves the inputs' outliers into the weight, then rounds to nearest");

}  // namespace
}  // namespace mpq
