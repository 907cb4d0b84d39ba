// Round to nearest on a min/max or MSE-shrunk grid; needs no data.
#include <ATen/ATen.h>

#include "mpq/quant/grid.h"
#include "mpq/quant/quantizer.h"

namespace mpq {
namespace {

class Rtn final : public Quantizer {
 public:
  struct Options {
    bool mse = false;
    template <class Field>
    void visit(Field&& field) {
      field("mse", mse,
            "shrink every group's range to the least sum |w - q|^2.4 (100 steps to 0.2)");
    }
  };

  explicit Rtn(const Options& options) : options_(options) {}

  QuantizedLinear quantize(const QuantProblem& problem) const override {
    const GridOptions options{problem.encoding, options_.mse};
    return round_to_nearest(problem.weight, options, problem.name);
  }

 private:
  Options options_;
};

MPQ_REGISTER(Quantizer, Rtn, "rtn", "round to nearest, no calibration data");

}  // namespace
}  // namespace mpq
