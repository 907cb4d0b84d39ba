// Learned weight clipping (OmniQuant, Shao et al., 2024): every group's range is learned under the
// output error (methods.md, 3).
#include <ATen/ATen.h>

#include "mpq/quant/learned.h"

namespace mpq {
namespace {

class Lwc final : public Quantizer {
 public:
  struct Options {
    int iterations = 500;
    double rate = 1e-2;
    template <class Field>
    void visit(Field&& field) {
      field("iterations", iterations, "steps of Adam, the last quarter at falling rates");
      field("rate", rate, "of Adam");
    }
  };

  explicit Lwc(const Options& options) : options_(options) {
    require(options.iterations >= 1 && options.rate > 0, ErrorCode::Usage,
            "lwc: expected iterations and rate above 0");
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
        : iterations_(options.iterations),
          clipping_(problem.weight, {problem.encoding, false, diagonal_of(problem)}, problem.name),
          adam_(clipping_.parameters(), options.rate) {}
    at::Tensor weight() const override { return clipping_.weight(); }
    void step(int step) override { adam_.step(late_decay(step, iterations_)); }
    QuantizedLinear rounded() const override { return clipping_.rounded(); }

   private:
    int iterations_;
    LearnedClipping clipping_;
    Adam adam_;
  };

  Options options_;
};

MPQ_REGISTER(Quantizer, Lwc, "lwc", "learned clipping of every group's range");

}  // namespace
}  // namespace mpq
