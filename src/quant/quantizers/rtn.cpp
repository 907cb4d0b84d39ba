// Round to nearest on a min/max or MSE-shrunk grid; needs no data.
#include <ATen/ATen.h>

#include "mpq/quant/grid.h"
#include "mpq/quant/scheme_options.h"

namespace mpq {
namespace {

class Rtn final : public Quantizer {
 public:
  struct Options : SchemeOptions {
    bool mse = false;
    template <class Field>
    void visit(Field&& field) {
      SchemeOptions::visit(field);
      field("mse", mse,
            "shrink every group's range to the least sum |w - q|^2.4 (100 steps to 0.2)");
    }
  };

  explicit Rtn(const Options& options) : options_(options), scheme_(options.scheme()) {}

  Scheme scheme() const override { return scheme_; }

  QuantizedLinear quantize(const QuantProblem& problem) const override {
    const GridOptions options{scheme_, options_.mse, problem.scale_dtype};
    return round_to_nearest(problem.weight, options, problem.name);
  }

 private:
  Options options_;
  Scheme scheme_;
};

MPQ_REGISTER(Quantizer, Rtn, "rtn", "round to nearest, no calibration data");

}  // namespace
}  // namespace mpq
