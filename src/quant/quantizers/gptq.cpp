// GPTQ (Frantar et al., 2023, Algorithm 1): columns are rounded in turn, each error spread over the
// columns still to come.
#include <ATen/ATen.h>

#include "mpq/core/log.h"
#include "mpq/quant/gptq_solver.h"
#include "mpq/quant/quantizer.h"
#include "mpq/quant/refine.h"

namespace mpq {
namespace {

class Gptq final : public Quantizer {
 public:
  struct Options {
    bool act_order = true;
    bool mse = false;
    double damp = 0.01;
    int refine = 0;
    bool aim = false;
    template <class Field>
    void visit(Field&& field) {
      field("act_order", act_order,
            "columns by descending diag H, groups fixed beforehand (no g_idx)");
      field("mse", mse, "choose group ranges by the shrink search first");
      field("damp", damp,
            "added to diag H, as a share of its mean; grows tenfold if Cholesky fails");
      field("refine", refine,
            "rounds of coordinate descent on codes and scales under H afterwards");
      field("aim", aim,
            "first move the weights so that they make up for the quantized layers before (GPTAQ)");
    }
  };

  explicit Gptq(const Options& options) : options_(options) {
    require(options.damp > 0 && options.damp <= 1, ErrorCode::Usage,
            "gptq: option damp: expected above 0 and at most 1, found {}", options.damp);
    require(options.refine >= 0, ErrorCode::Usage,
            "gptq: option refine: expected 0 or more rounds, found {}", options.refine);
  }

  InputNeeds needs() const override { return {.hessian = true, .aim = options_.aim}; }

  QuantizedLinear quantize(const QuantProblem& problem) const override {
    require(problem.hessian != nullptr, ErrorCode::Internal, "{}: gptq needs a Hessian",
            problem.name);
    at::Tensor weight = problem.weight.clone();
    // An input that is always zero carries nothing: its weights are dropped.
    weight.masked_fill_((problem.hessian->diagonal() == 0).unsqueeze(0), 0.0);
    const GridOptions grid_options{problem.encoding, options_.mse, diagonal_of(problem)};
    const Grid grid = choose_grid(weight, grid_options, problem.name);
    const auto& factor = problem.hessian->factor(options_.act_order, options_.damp);
    if (!factor.upper.defined()) {
      log_warning("{}: the Hessian is not positive definite at any damping; rounded to nearest",
                  problem.name);
      return round_to_grid(weight, grid, problem.encoding);
    }
    const ColumnGrids grids = group_grids(grid, problem.encoding, weight.size(1));
    QuantizedLinear result{problem.encoding, gptq_solve(weight, factor, grids), grid};
    if (options_.refine > 0)
      refine_codes(weight, *problem.hessian, options_.damp, options_.refine, result);
    return result;
  }

 private:
  Options options_;
};

MPQ_REGISTER(Quantizer, Gptq, "gptq", "error-compensated rounding under the inputs' Hessian");

}  // namespace
}  // namespace mpq
