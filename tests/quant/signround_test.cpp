// SignRound lowers the error it is given: the unit's, or the block's.
#include <gtest/gtest.h>

#include "tests/quant/golden_case.h"

namespace mpq {
namespace {

double error_of(const std::string& spec, const QuantProblem& problem) {
  return trace_error(problem, dequantize(make_quantizer(spec)->quantize(problem)));
}

TEST(SignRound, LowersTheOutputErrorWellBelowRounding) {
  const GoldenCase golden("adaround", "b2");
  const QuantProblem problem = golden.problem();
  for (const char* sym : {"", ",sym"}) {
    EXPECT_LT(error_of("signround:" + golden.scheme() + sym, problem),
              0.97 * error_of("rtn:" + golden.scheme() + sym, problem))
        << sym;
  }
}

TEST(SignRound, TheBlocksErrorIsWhatItLowers) {
  const GoldenCase golden("adaround", "b3");
  QuantProblem problem = golden.problem();
  // Only the first output row counts: the others' rounding must not be driven by the Hessian.
  problem.block_error = [&](const at::Tensor& weight, int64_t) {
    const auto difference = (weight - problem.weight).narrow(0, 0, 1);
    return (at::mm(difference, problem.hessian->matrix()) * difference).sum() / 2;
  };
  const auto learned = make_quantizer("signround:" + golden.scheme())->quantize(problem);
  const auto rounded = make_quantizer("rtn:" + golden.scheme())->quantize(problem);
  const auto row_error = [&](const QuantizedLinear& linear) {
    return problem.block_error(dequantize(linear), 0).item<double>();
  };
  EXPECT_LT(row_error(learned), 0.8 * row_error(rounded));
}

}  // namespace
}  // namespace mpq
